package ctlog

import "sync"

// maxSpare bounds what a spare keeps: more are never in use at the same time with the default concurrency.
const maxSpare = 8

// spare keeps objects for their buffers. A sync.Pool would lose them at every second garbage collection, and half a megabyte of new
// memory for every tile is what makes those frequent.
type spare[T any] struct {
	mu   sync.Mutex
	list []*T
}

func (s *spare[T]) get() *T {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(s.list)
	if n == 0 {
		return new(T)
	}
	one := s.list[n-1]
	s.list = s.list[:n-1]
	return one
}

func (s *spare[T]) put(one *T) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.list) < maxSpare {
		s.list = append(s.list, one)
	}
}
