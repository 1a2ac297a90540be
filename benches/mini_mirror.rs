//! Writes a folder mirror with one release of some size, for `.ci/instructions` to count what goverify does with it.
//!
//! `cargo test --bench mini_mirror -- FOLDER`; it measures nothing itself, and without a folder it does nothing. All but
//! the signature, which is salted, is the same every time. The key is the demo mirror's, which protects nothing.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a mirror that cannot be written is no mirror"
)]

#[path = "bulk/mod.rs"]
mod bulk;
#[path = "../tests/support/mod.rs"]
mod support;

use std::fs;
use std::path::Path;

use support::keys::Signer;
use support::log::TestLog;
use support::mirror::mirror_files;
use support::record::record;

const SOURCE_FILES: usize = 1_000;
const PROGRAM_BYTES: usize = 2_000_000;
/// Records of the log that holds the release, and where in it.
const LOG_SIZE: u64 = 300;
const LOGGED_AT: u64 = 17;

fn main() {
    // Cargo adds flags of its own.
    let Some(folder) = std::env::args().skip(1).find(|argument| !argument.starts_with('-')) else {
        println!("no folder was named, no mirror is written");
        return;
    };
    let secret = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/demo-key.secret.asc");
    let sdk = bulk::sdk(SOURCE_FILES, PROGRAM_BYTES);
    let mut files = mirror_files(std::slice::from_ref(&sdk), &Signer::from_secret(&fs::read(secret).unwrap()));
    files.insert("index.json".to_owned(), bulk::index(&sdk));
    let log = TestLog::with(LOG_SIZE, &[(LOGGED_AT, &record(&sdk))]);
    files.insert(format!("{}.tlog-proof", sdk.name()), log.tlog_proof(LOGGED_AT, LOG_SIZE).into_bytes());
    files.insert("keys/log.txt".to_owned(), log.key().text().into_bytes());
    for (name, content) in files {
        let path = Path::new(&folder).join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
}
