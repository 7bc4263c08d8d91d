// Logcheck reads a public log of Tiezheng with the Go project's own packages.
//
//	go run ./logcheck -vkey ledger.example/enforcement/2026+98952403+AYqI… FOLDER
//
// It opens the checkpoint, reads every tile and every bundle of entries, builds the
// tree a second time from the entries alone, and checks proofs of entries and of
// earlier trees. It says what it saw as JSON; whatever does not fit ends it with 1.
package main

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const width = 256 // entries of a bundle, hashes of a tile

type report struct {
	Origin       string `json:"origin"`
	Size         int64  `json:"size"`
	Root         string `json:"root"`
	Entries      int64  `json:"entries"`
	RecordProofs int    `json:"record_proofs"`
	TreeProofs   int    `json:"tree_proofs"`
}

func main() {
	vkey := flag.String("vkey", "", "the log's key")
	flag.Parse()
	found, err := check(*vkey, flag.Arg(0))
	if err != nil {
		fmt.Fprintln(os.Stderr, "logcheck:", err)
		os.Exit(1)
	}
	if err := json.NewEncoder(os.Stdout).Encode(found); err != nil {
		os.Exit(1)
	}
}

func check(vkey, folder string) (*report, error) {
	origin, tree, err := openCheckpoint(vkey, folder)
	if err != nil {
		return nil, err
	}
	tiles := tlog.TileHashReader(tree, tileFolder(folder))
	// From the tiles alone.
	if root, err := tlog.TreeHash(tree.N, tiles); err != nil {
		return nil, err
	} else if root != tree.Hash {
		return nil, fmt.Errorf("tiles give the root %v, the checkpoint says %v", root, tree.Hash)
	}
	// From the entries alone, each compared with its place in the tiles.
	entries, err := readEntries(folder, tree, tiles)
	if err != nil {
		return nil, err
	}
	found := &report{Origin: origin, Size: tree.N, Root: tree.Hash.String(), Entries: tree.N}
	for _, n := range sample(tree.N) {
		if err := checkProofs(tree, tiles, entries, n); err != nil {
			return nil, err
		}
		found.RecordProofs++
		found.TreeProofs++
	}
	return found, nil
}

func openCheckpoint(vkey, folder string) (string, tlog.Tree, error) {
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return "", tlog.Tree{}, err
	}
	data, err := os.ReadFile(filepath.Join(folder, "checkpoint"))
	if err != nil {
		return "", tlog.Tree{}, err
	}
	opened, err := note.Open(data, note.VerifierList(verifier))
	if err != nil {
		return "", tlog.Tree{}, err
	}
	// tlog.ParseTree knows the checksum database's first line only.
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[3] != "" || lines[0] != verifier.Name() {
		return "", tlog.Tree{}, fmt.Errorf("not a checkpoint of %s: %q", verifier.Name(), opened.Text)
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return "", tlog.Tree{}, err
	}
	root, err := tlog.ParseHash(lines[2])
	return lines[0], tlog.Tree{N: size, Hash: root}, err
}

// A tileFolder implements tlog.TileReader.
type tileFolder string

func (f tileFolder) Height() int                     { return 8 }
func (f tileFolder) SaveTiles([]tlog.Tile, [][]byte) {}

func (f tileFolder) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	read := make([][]byte, len(tiles))
	for i, tile := range tiles {
		data, err := f.read(tile)
		if err != nil {
			return nil, err
		}
		read[i] = data
	}
	return read, nil
}

func (f tileFolder) read(tile tlog.Tile) ([]byte, error) {
	// The checksum database writes the height into its paths, tlog-tiles does not.
	path := strings.Replace(tile.Path(), "tile/8/", "tile/", 1)
	data, err := os.ReadFile(filepath.Join(string(f), path))
	if !errors.Is(err, os.ErrNotExist) || tile.W == width {
		return data, err
	}
	// The reader may ask for a narrow part of what has grown full.
	full := tile
	full.W = width
	data, err = f.read(full)
	if err != nil {
		return nil, err
	}
	return data[:tile.W*tlog.HashSize], nil
}

// memory implements tlog.HashReader over all stored hashes of a tree.
type memory []tlog.Hash

func (m memory) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		hashes[i] = m[index]
	}
	return hashes, nil
}

func readEntries(folder string, tree tlog.Tree, tiles tlog.HashReader) (memory, error) {
	var stored memory
	for start := int64(0); start < tree.N; start += width {
		wide := min(width, tree.N-start)
		bundle, err := readBundle(folder, start/width, wide)
		if err != nil {
			return nil, err
		}
		indexes := make([]int64, wide)
		for i := range indexes {
			indexes[i] = tlog.StoredHashIndex(0, start+int64(i))
		}
		leaves, err := tiles.ReadHashes(indexes)
		if err != nil {
			return nil, err
		}
		for i, entry := range bundle {
			n := start + int64(i)
			if tlog.RecordHash(entry) != leaves[i] {
				return nil, fmt.Errorf("entry %d is not the one of the tiles", n)
			}
			hashes, err := tlog.StoredHashes(n, entry, stored)
			if err != nil {
				return nil, err
			}
			stored = append(stored, hashes...)
		}
	}
	root, err := tlog.TreeHash(tree.N, stored)
	if err == nil && root != tree.Hash {
		err = fmt.Errorf("entries give the root %v, the checkpoint says %v", root, tree.Hash)
	}
	return stored, err
}

func readBundle(folder string, n, wide int64) ([][]byte, error) {
	path := strings.Replace(tlog.Tile{H: 8, L: -1, N: n, W: int(wide)}.Path(), "tile/8/data/", "tile/entries/", 1)
	data, err := os.ReadFile(filepath.Join(folder, path))
	if err != nil {
		return nil, err
	}
	var entries [][]byte
	for len(data) > 0 {
		if len(data) < 2 || len(data)-2 < int(binary.BigEndian.Uint16(data)) {
			return nil, fmt.Errorf("%s ends within an entry", path)
		}
		length := binary.BigEndian.Uint16(data)
		entries = append(entries, data[2:2+length])
		data = data[2+length:]
	}
	if int64(len(entries)) != wide {
		return nil, fmt.Errorf("%s has %d entries, want %d", path, len(entries), wide)
	}
	return entries, nil
}

// sample is every index of a small log, and of a large one those at the edges of tiles.
func sample(size int64) []int64 {
	var indexes []int64
	for n := int64(0); n < size; n++ {
		within := n % width
		if size <= 2*width || n == size-1 || n%(16*width) < 2 || n/width == size/width && within%16 == 0 {
			indexes = append(indexes, n)
		}
	}
	return indexes
}

// checkProofs proves entry n, and that the tree of its n+1 entries begins this one.
func checkProofs(tree tlog.Tree, tiles tlog.HashReader, entries memory, n int64) error {
	record, err := tlog.ProveRecord(tree.N, n, tiles)
	if err != nil {
		return err
	}
	leaf := entries[tlog.StoredHashIndex(0, n)]
	if err := tlog.CheckRecord(record, tree.N, tree.Hash, n, leaf); err != nil {
		return fmt.Errorf("entry %d: %w", n, err)
	}
	older, err := tlog.TreeHash(n+1, entries)
	if err != nil {
		return err
	}
	proof, err := tlog.ProveTree(tree.N, n+1, tiles)
	if err != nil {
		return err
	}
	if err := tlog.CheckTree(proof, tree.N, tree.Hash, n+1, older); err != nil {
		return fmt.Errorf("tree of %d: %w", n+1, err)
	}
	return nil
}
