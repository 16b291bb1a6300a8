package logs

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strconv"

	ct "github.com/google/certificate-transparency-go"
	"github.com/google/certificate-transparency-go/tls"
	"golang.org/x/mod/sumdb/note"
)

// checkpointSigner makes the signature line of a static-ct-api checkpoint: the
// RFC 6962 tree head signature in a signed note.
type checkpointSigner struct {
	origin string
	hash   uint32
	key    *ecdsa.PrivateKey
	clock  *Clock
}

func newCheckpointSigner(origin string, key *ecdsa.PrivateKey, spki []byte, clock *Clock) *checkpointSigner {
	id := sha256.Sum256(spki)
	sum := sha256.Sum256(append([]byte(origin+"\n\x05"), id[:]...))
	return &checkpointSigner{origin: origin, hash: binary.BigEndian.Uint32(sum[:]), key: key, clock: clock}
}

func (s *checkpointSigner) Name() string    { return s.origin }
func (s *checkpointSigner) KeyHash() uint32 { return s.hash }

// Sign returns the time stamp and the signature over the TreeHeadSignature.
func (s *checkpointSigner) Sign(msg []byte) ([]byte, error) {
	lines := bytes.Split(msg, []byte("\n"))
	if len(lines) < 3 {
		return nil, fmt.Errorf("checkpoint of %d lines", len(lines))
	}
	size, err := strconv.ParseUint(string(lines[1]), 10, 63)
	if err != nil {
		return nil, err
	}
	root, err := base64.StdEncoding.DecodeString(string(lines[2]))
	if err != nil {
		return nil, err
	}
	sth := ct.SignedTreeHead{Version: ct.V1, TreeSize: size, Timestamp: uint64(s.clock.Now().UnixMilli()), SHA256RootHash: ct.SHA256Hash(root)}
	input, err := ct.SerializeSTHSignatureInput(sth)
	if err != nil {
		return nil, err
	}
	signature, err := tls.CreateSignature(*s.key, tls.SHA256, input)
	if err != nil {
		return nil, err
	}
	signed, err := tls.Marshal(signature)
	if err != nil {
		return nil, err
	}
	return append(binary.BigEndian.AppendUint64(nil, sth.Timestamp), signed...), nil
}

// newOtherSigner makes a second signature line, of a kind that readers must pass over.
func newOtherSigner(origin string) note.Signer {
	private, _, err := note.GenerateKey(rand.Reader, origin)
	if err != nil {
		panic(err) // only for a name that is no key name
	}
	signer, err := note.NewSigner(private)
	if err != nil {
		panic(err)
	}
	return signer
}
