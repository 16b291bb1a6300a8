package main

// show writes a stage's document, as JSON or for people, and passes the error on. A
// document may come with an error: a log's failure is a result too.
func show[D any, P interface {
	*D
	render(*env)
}](e *env, doc P, err error) error {
	if doc == nil {
		return err
	}
	if !e.JSON {
		doc.render(e)
		return err
	}
	if werr := e.writeJSON(doc); err == nil {
		err = werr
	}
	return err
}
