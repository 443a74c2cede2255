// Judges blocks by btcd's rules: for each offer a fresh regtest chain takes the base blocks, then the
// offer. Reads JSON {clock, base: [hex], offers: [hex]} on stdin, writes a line an offer: "ok", or
// btcd's error. With {tree: true} one chain takes all offers, one after the other, on whatever branch
// they stand: a line is the tip after it, and btcd's error if there is one.
package main

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/btcsuite/btcd/blockchain"
	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/database"
	_ "github.com/btcsuite/btcd/database/ffldb"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"
)

const cacheBytes = 1 << 24

type clock int64

func (c clock) AdjustedTime() time.Time         { return time.Unix(int64(c), 0) }
func (c clock) AddTimeSample(string, time.Time) {}
func (c clock) Offset() time.Duration           { return 0 }

type request struct {
	Clock  int64
	Base   []string
	Offers []string
	Tree   bool
}

func process(chain *blockchain.BlockChain, text string) error {
	isMain, isOrphan, err := offer(chain, text)
	if err == nil && (!isMain || isOrphan) {
		err = errors.New("not on the main chain")
	}
	return err
}

func offer(chain *blockchain.BlockChain, text string) (isMain, isOrphan bool, err error) {
	raw, err := hex.DecodeString(text)
	if err != nil {
		return false, false, err
	}
	from := bytes.NewReader(raw)
	var block wire.MsgBlock
	if err := block.Deserialize(from); err != nil {
		return false, false, err
	}
	if from.Len() != 0 {
		return false, false, errors.New("bytes after the block")
	}
	return chain.ProcessBlock(btcutil.NewBlock(&block), blockchain.BFNone)
}

// Makes a chain of the base blocks and hands it on.
func judge(dir string, in *request, use func(*blockchain.BlockChain) error) error {
	params := chaincfg.RegressionNetParams
	db, err := database.Create("ffldb", dir, params.Net)
	if err != nil {
		return fmt.Errorf("no database: %w", err)
	}
	defer os.RemoveAll(dir)
	defer db.Close()
	chain, err := blockchain.New(&blockchain.Config{
		DB:               db,
		ChainParams:      &params,
		TimeSource:       clock(in.Clock),
		SigCache:         txscript.NewSigCache(1000),
		UtxoCacheMaxSize: cacheBytes,
	})
	if err != nil {
		return fmt.Errorf("no chain: %w", err)
	}
	for height, block := range in.Base {
		if err := process(chain, block); err != nil {
			fmt.Fprintf(os.Stderr, "base block %d: %v\n", height+1, err)
			os.Exit(3)
		}
	}
	return use(chain)
}

func oneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", " ") }

func judgeTree(in *request) func(*blockchain.BlockChain) error {
	return func(chain *blockchain.BlockChain) error {
		for _, text := range in.Offers {
			_, _, err := offer(chain, text)
			line := chain.BestSnapshot().Hash.String()
			if err != nil {
				line += " " + oneLine(err)
			}
			fmt.Println(line)
		}
		return nil
	}
}

func main() {
	var in request
	if err := json.NewDecoder(bufio.NewReader(os.Stdin)).Decode(&in); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	dir, err := os.MkdirTemp("", "btcd-blocks")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	defer os.RemoveAll(dir)
	if in.Tree {
		if err := judge(filepath.Join(dir, "tree"), &in, judgeTree(&in)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
		return
	}
	for i, text := range in.Offers {
		err := judge(filepath.Join(dir, fmt.Sprint(i)), &in, func(chain *blockchain.BlockChain) error {
			return process(chain, text)
		})
		if err == nil {
			fmt.Println("ok")
			continue
		}
		fmt.Println(oneLine(err))
	}
}
