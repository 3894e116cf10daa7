// SPDX-License-Identifier: BSD-2-Clause

// check CASE KEY: a case against Go's own packages for signed notes and transparency logs: every signature along the chain of keys, every root,
// the inclusion of lines, and that each checkpoint is of a beginning of the last one.
// check CASE KEY PROOF LINE: also that the tlog-proof is one of that line (text).
// check forge CASE NAME: signs the whole case anew, as who has taken the host could.
package main

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func must(err error, where string) {
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", where, err)
		os.Exit(1)
	}
}

func read(parts ...string) []byte {
	data, err := os.ReadFile(filepath.Join(parts...))
	must(err, filepath.Join(parts...))
	return data
}

type hashes []tlog.Hash

func (h hashes) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	var list []tlog.Hash
	for _, i := range indexes {
		list = append(list, h[i])
	}
	return list, nil
}

type tree struct {
	origin string
	size   int64
	root   tlog.Hash
}

func parse(text, where string) tree {
	lines := strings.Split(text, "\n")
	if len(lines) != 4 || lines[3] != "" {
		must(fmt.Errorf("%d lines", len(lines)), where)
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	must(err, where)
	root, err := tlog.ParseHash(lines[2])
	must(err, where)
	return tree{lines[0], size, root}
}

func open(message []byte, key, where string) tree {
	verifier, err := note.NewVerifier(key)
	must(err, where)
	signed, err := note.Open(message, note.VerifierList(verifier))
	must(err, where)
	return parse(signed.Text, where)
}

type state struct {
	stored hashes
	lines  [][]byte
	trees  []tree
}

func (s *state) add(line []byte) {
	more, err := tlog.StoredHashes(int64(len(s.lines)), line, s.stored)
	must(err, "stored hashes")
	s.stored = append(s.stored, more...)
	s.lines = append(s.lines, line)
}

func (s *state) root(size int64, where string) tlog.Hash {
	if size > int64(len(s.lines)) {
		must(fmt.Errorf("it is of %d lines, and there are %d", size, len(s.lines)), where)
	}
	root, err := tlog.TreeHash(size, s.stored)
	must(err, where)
	return root
}

func (s *state) hold(t tree, where string) {
	if s.root(t.size, where) != t.root {
		must(fmt.Errorf("the lines do not have its root"), where)
	}
	s.trees = append(s.trees, t)
}

func field(line []byte, name string) string {
	var fact map[string]interface{}
	must(json.Unmarshal(line, &fact), "fact")
	value, _ := fact[name].(string)
	return value
}

func segments(dir string) []string {
	list, err := filepath.Glob(filepath.Join(dir, "facts-*.ndjson"))
	must(err, dir)
	return list
}

func (s *state) load(path string) {
	data := read(path)
	for _, line := range bytes.Split(bytes.TrimSuffix(data, []byte("\n")), []byte("\n")) {
		s.add(line)
	}
}

func check(dir, key string) *state {
	s := &state{}
	list := segments(dir)
	for i, path := range list {
		s.load(path)
		seal := filepath.Join(dir, "checkpoints", fmt.Sprintf("%06d", i+1))
		message, err := os.ReadFile(seal)
		if err != nil && i+1 == len(list) {
			break
		}
		must(err, seal)
		t := open(message, key, seal)
		if t.size != int64(len(s.lines)) {
			must(fmt.Errorf("it is of %d lines, and the segment ends after %d", t.size, len(s.lines)), seal)
		}
		s.hold(t, seal)
		if i+1 < len(list) {
			key = field(s.lines[len(s.lines)-1], "quis.key.public")
		}
	}
	newest := open(read(dir, "checkpoint"), key, "checkpoint")
	s.hold(newest, "checkpoint")
	for _, t := range s.trees {
		proof, err := tlog.ProveTree(newest.size, t.size, s.stored)
		must(err, "proof of growth")
		must(tlog.CheckTree(proof, newest.size, newest.root, t.size, t.root), "growth")
	}
	for index := int64(0); index < newest.size; index += 1 + newest.size/50 {
		proof, err := tlog.ProveRecord(newest.size, index, s.stored)
		must(err, "proof of a line")
		must(tlog.CheckRecord(proof, newest.size, newest.root, index, tlog.RecordHash(s.lines[index])), "line")
	}
	return s
}

func checkProof(path, key, line string) {
	head, message, found := strings.Cut(string(read(path)), "\n\n")
	lines := strings.Split(head, "\n")
	if !found || len(lines) < 2 || lines[0] != "c2sp.org/tlog-proof@v1" || !strings.HasPrefix(lines[1], "index ") {
		must(fmt.Errorf("no tlog-proof"), path)
	}
	index, err := strconv.ParseInt(lines[1][6:], 10, 64)
	must(err, path)
	var proof tlog.RecordProof
	for _, text := range lines[2:] {
		hash, err := tlog.ParseHash(text)
		must(err, path)
		proof = append(proof, hash)
	}
	t := open([]byte(message), key, path)
	must(tlog.CheckRecord(proof, t.size, t.root, index, tlog.RecordHash([]byte(line))), path)
}

// The key facts within the lines name keys that the forger does not have: they are replaced, each before its segment is signed.
func forge(dir, name string) {
	s := &state{}
	secret, public, err := note.GenerateKey(rand.Reader, name)
	must(err, "key")
	must(os.WriteFile(filepath.Join(dir, "quis.pub"), []byte(public+"\n"), 0600), "quis.pub")
	list := segments(dir)
	for i, path := range list {
		signer, err := note.NewSigner(secret)
		must(err, "signer")
		data := read(path)
		if i+1 < len(list) {
			secret, public, err = note.GenerateKey(rand.Reader, name)
			must(err, "key")
			lines := bytes.Split(bytes.TrimSuffix(data, []byte("\n")), []byte("\n"))
			last := lines[len(lines)-1]
			lines[len(lines)-1] = bytes.Replace(last, []byte(field(last, "quis.key.public")), []byte(public), 1)
			data = append(bytes.Join(lines, []byte("\n")), '\n')
			must(os.WriteFile(path, data, 0600), path)
		}
		s.load(path)
		size := int64(len(s.lines))
		root := s.root(size, path)
		origin, _, _ := strings.Cut(string(read(dir, "checkpoint")), "\n")
		text := fmt.Sprintf("%s\n%d\n%s\n", origin, size, base64.StdEncoding.EncodeToString(root[:]))
		message, err := note.Sign(&note.Note{Text: text}, signer)
		must(err, "note")
		must(os.WriteFile(filepath.Join(dir, "checkpoints", fmt.Sprintf("%06d", i+1)), message, 0600), "checkpoint")
		must(os.WriteFile(filepath.Join(dir, "checkpoint"), message, 0600), "checkpoint")
	}
}

func main() {
	if os.Args[1] == "forge" {
		forge(os.Args[2], os.Args[3])
		return
	}
	key := strings.TrimSpace(string(read(os.Args[2])))
	if len(os.Args) == 5 {
		checkProof(os.Args[3], key, os.Args[4])
		return
	}
	s := check(os.Args[1], key)
	fmt.Printf("%d lines, %d checkpoints, last leaf %x\n", len(s.lines), len(s.trees), sha256.Sum256(append([]byte{0}, s.lines[len(s.lines)-1]...)))
}
