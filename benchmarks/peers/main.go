// Peers: what other people's logs take for the same work, for docs/performance.md.
//
//	peers append DIR ENTRIES SIZE BATCH   Tessera's POSIX driver, ENTRIES of SIZE bytes, BATCH at once
//	peers fsck DIR ORIGIN VKEY            Tessera's fsck over a log on disk
//
// Each prints one JSON object. Nothing is verified about an entry, as Tessera does not.
package main

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"sort"
	"strconv"
	"sync"
	"time"

	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera"
	"github.com/transparency-dev/tessera/api"
	"github.com/transparency-dev/tessera/client"
	"github.com/transparency-dev/tessera/fsck"
	"github.com/transparency-dev/tessera/storage/posix"
	"golang.org/x/mod/sumdb/note"
)

func main() {
	if len(os.Args) == 6 && os.Args[1] == "append" {
		check(appendEntries(os.Args[2], number(3), number(4), number(5)))
		return
	}
	if len(os.Args) == 5 && os.Args[1] == "fsck" {
		check(checkLog(os.Args[2], os.Args[3], os.Args[4]))
		return
	}
	fmt.Fprintln(os.Stderr, "usage: peers append DIR ENTRIES SIZE BATCH | peers fsck DIR ORIGIN VKEY")
	os.Exit(2)
}

// appendEntries adds BATCH entries, waits until all are durable and integrated, and so on.
func appendEntries(dir string, entries, size, batch int) error {
	ctx := context.Background()
	driver, err := posix.New(ctx, posix.Config{Path: dir})
	if err != nil {
		return err
	}
	secret, _, err := note.GenerateKey(rand.Reader, "peer.example/log")
	if err != nil {
		return err
	}
	signer, err := note.NewSigner(secret)
	if err != nil {
		return err
	}
	options := tessera.NewAppendOptions().
		WithCheckpointSigner(signer).
		WithCheckpointInterval(100*time.Millisecond).
		// A full batch goes at once; a lone entry waits a millisecond for company.
		WithBatching(uint(batch), time.Millisecond).
		WithPushback(uint(4 * batch))
	appender, shutdown, _, err := tessera.NewAppender(ctx, driver, options)
	if err != nil {
		return err
	}
	data := make([][]byte, entries)
	for i := range data {
		data[i] = make([]byte, size)
		binary.BigEndian.PutUint64(data[i], uint64(i))
	}
	var waits []float64
	start := time.Now()
	for at := 0; at < entries; at += batch {
		began := time.Now()
		if err := addAll(ctx, appender, data[at:min(at+batch, entries)]); err != nil {
			return err
		}
		waits = append(waits, time.Since(began).Seconds())
	}
	took := time.Since(start).Seconds()
	sort.Float64s(waits)
	report := map[string]float64{
		"entries": float64(entries), "seconds": took, "per_second": float64(entries) / took,
		"p50_ms": 1000 * waits[len(waits)/2], "p99_ms": 1000 * waits[len(waits)*99/100],
	}
	if err := json.NewEncoder(os.Stdout).Encode(report); err != nil {
		return err
	}
	return shutdown(ctx)
}

func addAll(ctx context.Context, appender *tessera.Appender, data [][]byte) error {
	var group sync.WaitGroup
	failures := make([]error, len(data))
	for i, entry := range data {
		future := appender.Add(ctx, tessera.NewEntry(entry))
		group.Add(1)
		go func() {
			defer group.Done()
			_, failures[i] = future()
		}()
	}
	group.Wait()
	for _, err := range failures {
		if err != nil {
			return err
		}
	}
	return nil
}

func checkLog(dir, origin, key string) error {
	verifier, err := note.NewVerifier(key)
	if err != nil {
		return err
	}
	start := time.Now()
	checker := fsck.New(origin, verifier, client.FileFetcher{Root: dir}, leafHashes,
		fsck.Opts{N: uint(runtime.NumCPU())})
	if err := checker.Check(context.Background()); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(map[string]float64{"seconds": time.Since(start).Seconds()})
}

func leafHashes(bundle []byte) ([][]byte, error) {
	entries := &api.EntryBundle{}
	if err := entries.UnmarshalText(bundle); err != nil {
		return nil, err
	}
	hashes := make([][]byte, 0, len(entries.Entries))
	for _, entry := range entries.Entries {
		hashes = append(hashes, rfc6962.DefaultHasher.HashLeaf(entry))
	}
	return hashes, nil
}

func number(i int) int {
	n, err := strconv.Atoi(os.Args[i])
	check(err)
	return n
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
