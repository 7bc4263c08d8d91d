// Cosigcheck checks and makes cosignatures with transparency-dev's own package.
//
//	go run ./cosigcheck -vkey notary.example/w1+… < checkpoint     when that key cosigned
//	go run ./cosigcheck -skey PRIVATE+KEY+… < checkpoint           a signature line
//
// Keys are Ed25519 (type 04) or ML-DSA-44 (type 06). It ends with 1 where the
// cosignature is missing or does not verify.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	f_note "github.com/transparency-dev/formats/note"
	"golang.org/x/mod/sumdb/note"
)

func main() {
	vkey := flag.String("vkey", "", "a cosigner's key, to check with")
	skey := flag.String("skey", "", "a cosigner's private key, to sign with")
	flag.Parse()
	data, err := io.ReadAll(os.Stdin)
	if err == nil && *skey != "" {
		err = sign(*skey, data)
	} else if err == nil {
		err = check(*vkey, data)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "cosigcheck:", err)
		os.Exit(1)
	}
}

func check(vkey string, data []byte) error {
	verifier, err := f_note.NewVerifierForCosignatureV1(vkey)
	if err != nil {
		return err
	}
	opened, err := note.Open(data, note.VerifierList(verifier))
	if err != nil {
		return err
	}
	at, err := f_note.CoSigV1Timestamp(opened.Sigs[0])
	if err != nil {
		return err
	}
	fmt.Println(at.Unix())
	return nil
}

func sign(skey string, data []byte) error {
	signer, err := f_note.NewSignerForCosignatureV1(skey)
	if err != nil {
		return err
	}
	end := bytes.LastIndex(data, []byte("\n\n"))
	if end < 0 {
		return errors.New("want a note")
	}
	signed, err := note.Sign(&note.Note{Text: string(data[:end+1])}, signer)
	if err != nil {
		return err
	}
	_, err = os.Stdout.Write(signed[end+2:])
	return err
}
