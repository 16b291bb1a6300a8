package loglist

import (
	_ "embed" // the list comes with the program
	"encoding/pem"
)

var (
	//go:embed data/log_list.json
	bundledList []byte
	//go:embed data/log_list.sig
	bundledSignature []byte
	//go:embed data/log_list_pubkey.pem
	googleKey []byte
)

// Bundled returns the list that comes with the program and its signature, byte for byte as
// Chrome published them; data/README.md says where they are from and of what day. The
// caller may not change them.
func Bundled() (list, signature []byte) { return bundledList, bundledSignature }

// GoogleKey returns the SubjectPublicKeyInfo (DER) of the RSA key that signs Chrome's lists.
func GoogleKey() []byte {
	block, _ := pem.Decode(googleKey)
	if block == nil {
		return nil // cannot happen: a test reads the key
	}
	return block.Bytes
}
