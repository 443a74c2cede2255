// Judges blocks by Bitcoin Core's own validation (libbitcoinkernel). Reads and writes what
// ../btcd-blocks/main.go does, but has the machine's clock: what is too new for the asker is not for it.
use bitcoinkernel::{
    prelude::*, Block, ChainType, ChainstateManager, ChainstateManagerBuilder, Context,
    ContextBuilder, Log, Logger,
};
use serde_json::Value;
use std::path::Path;
use std::sync::Mutex;

// Core tells why it refuses in its log alone.
static LAST_LINE: Mutex<String> = Mutex::new(String::new());

struct LastLine;

impl Log for LastLine {
    fn log(&self, line: &str) {
        *LAST_LINE.lock().unwrap() = line.trim().replace('\n', " ");
    }
}

fn bytes(hex: &Value) -> Vec<u8> {
    let hex = hex.as_str().expect("hex");
    (0..hex.len() / 2)
        .map(|i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).expect("hex"))
        .collect()
}

fn list(input: &Value, name: &str) -> Vec<Vec<u8>> {
    input[name]
        .as_array()
        .expect(name)
        .iter()
        .map(bytes)
        .collect()
}

fn tip(chain: &ChainstateManager) -> [u8; 32] {
    chain.active_chain().tip().block_hash().to_bytes()
}

fn offer(chain: &ChainstateManager, raw: &[u8]) -> Result<(), String> {
    let block = Block::new(raw).map_err(|error| error.to_string())?;
    let encoded = block
        .consensus_encode()
        .map_err(|error| error.to_string())?;
    if encoded.len() != raw.len() {
        return Err("bytes after the block".into());
    }
    chain.process_block(&block);
    if tip(chain) == block.hash().to_bytes() {
        return Ok(());
    }
    Err(format!("not the tip: {}", LAST_LINE.lock().unwrap()))
}

// A fresh chain of the base blocks.
fn open(context: &Context, dir: &Path, base: &[Vec<u8>]) -> ChainstateManager {
    let _ = std::fs::remove_dir_all(dir);
    let blocks = dir.join("blocks");
    std::fs::create_dir_all(&blocks).expect("a directory");
    let paths = (dir.to_str().expect("path"), blocks.to_str().expect("path"));
    let chain = ChainstateManagerBuilder::new(context, paths.0, paths.1)
        .expect("options")
        .worker_threads(0)
        .block_tree_db_in_memory(true)
        .chainstate_db_in_memory(true)
        .build()
        .expect("a chain");
    chain.import_blocks().expect("genesis");
    for (height, raw) in base.iter().enumerate() {
        if let Err(error) = offer(&chain, raw) {
            eprintln!("base block {}: {error}", height + 1);
            std::process::exit(3);
        }
    }
    chain
}

fn main() {
    let input: Value = serde_json::from_reader(std::io::stdin()).expect("JSON");
    let _logger = Logger::new(LastLine).expect("a logger");
    let context = ContextBuilder::new()
        .chain_type(ChainType::Regtest)
        .build()
        .expect("a context");
    let dir = std::env::temp_dir().join(format!("core-blocks-{}", std::process::id()));
    let base = list(&input, "base");
    let mut chain = open(&context, &dir, &base);
    for raw in list(&input, "offers") {
        let result = offer(&chain, &raw);
        if input["tree"] == true {
            let shown: String = tip(&chain)
                .iter()
                .rev()
                .map(|b| format!("{b:02x}"))
                .collect();
            println!("{shown} {}", result.err().unwrap_or_default());
            continue;
        }
        match result {
            Ok(()) => {
                println!("ok");
                drop(chain);
                chain = open(&context, &dir, &base);
            }
            Err(error) => println!("{error}"),
        }
    }
    drop(chain);
    let _ = std::fs::remove_dir_all(&dir);
}
