// Judges blocks by btcd's rules: for each offer a fresh regtest chain takes the base blocks, then the
// offer. Reads JSON {clock, base: [hex], offers: [hex]} on stdin, writes a line an offer: "ok", or
// btcd's error.
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
}

func process(chain *blockchain.BlockChain, text string) error {
	raw, err := hex.DecodeString(text)
	if err != nil {
		return err
	}
	from := bytes.NewReader(raw)
	var block wire.MsgBlock
	if err := block.Deserialize(from); err != nil {
		return err
	}
	if from.Len() != 0 {
		return errors.New("bytes after the block")
	}
	isMain, isOrphan, err := chain.ProcessBlock(btcutil.NewBlock(&block), blockchain.BFNone)
	if err == nil && (!isMain || isOrphan) {
		err = errors.New("not on the main chain")
	}
	return err
}

func judge(dir string, in *request, offer string) error {
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
	return process(chain, offer)
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
	for i, offer := range in.Offers {
		err := judge(filepath.Join(dir, fmt.Sprint(i)), &in, offer)
		if err == nil {
			fmt.Println("ok")
			continue
		}
		fmt.Println(strings.ReplaceAll(err.Error(), "\n", " "))
	}
}
