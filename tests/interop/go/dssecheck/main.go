// Dssecheck opens an envelope of Tiezheng with the Go library of the in-toto project.
//
//	go run ./dssecheck -vkey station-07.example+… ENVELOPE
//
// It prints the statement inside if that key has signed it, and ends with 1 if not.
package main

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"
)

func main() {
	vkey := flag.String("vkey", "", "the signer's key")
	flag.Parse()
	payload, err := open(*vkey, flag.Arg(0))
	if err != nil {
		fmt.Fprintln(os.Stderr, "dssecheck:", err)
		os.Exit(1)
	}
	os.Stdout.Write(payload)
}

func open(vkey, path string) ([]byte, error) {
	signer, err := parse(vkey)
	if err != nil {
		return nil, err
	}
	verifier, err := dsse.NewEnvelopeVerifier(signer)
	if err != nil {
		return nil, err
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var envelope dsse.Envelope
	if err := json.Unmarshal(data, &envelope); err != nil {
		return nil, err
	}
	if _, err := verifier.Verify(context.Background(), &envelope); err != nil {
		return nil, err
	}
	return envelope.DecodeB64Payload()
}

// A signer implements dsse.Verifier.
type signer struct {
	keyid string
	key   ed25519.PublicKey
}

func (s *signer) KeyID() (string, error)   { return s.keyid, nil }
func (s *signer) Public() crypto.PublicKey { return s.key }

func (s *signer) Verify(_ context.Context, data, sig []byte) error {
	if !ed25519.Verify(s.key, data, sig) {
		return errors.New("the signature does not verify")
	}
	return nil
}

// parse reads name+keyid+base64(0x01 ‖ key).
func parse(vkey string) (*signer, error) {
	parts := strings.SplitN(vkey, "+", 3)
	if len(parts) != 3 {
		return nil, errors.New("want a key as name+id+base64")
	}
	typed, err := base64.StdEncoding.DecodeString(parts[2])
	if err != nil {
		return nil, err
	}
	if len(typed) != 1+ed25519.PublicKeySize || typed[0] != 1 {
		return nil, errors.New("want an Ed25519 key")
	}
	return &signer{parts[0] + "+" + parts[1], typed[1:]}, nil
}
