//! Answers of the log to the question for a release. Its tree heads are genuine, so whatever is proven from its tiles
//! is what the log holds.

use goverify::trust::{LOOKUP_SIZE_LIMIT_BYTES, Lookup, Tiles, TlogProof};

use crate::Seed;
use crate::logged::{H1, KEY, LOG, MODULE, RECORD, RECORDS};

pub fn seeds() -> Vec<Seed> {
    let answer = LOG.lookup(RECORD, RECORDS);
    vec![
        Seed::accepted("smaller", LOG.lookup(RECORD, RECORD + 1)),
        Seed::accepted("power-of-two", LOG.lookup(RECORD, 512)),
        Seed::rejected("other-number", answer.replacen("300", "301", 1)),
        Seed::rejected("other-record", LOG.lookup(7, RECORDS)),
        Seed::rejected("not-yet", LOG.lookup(RECORD, 15)),
        Seed::rejected("other-hash", answer.replacen("h1:2", "h1:3", 1)),
        Seed::accepted("answer", answer),
    ]
}

pub fn check(input: &[u8]) -> bool {
    let Ok(lookup) = Lookup::parse(input, &MODULE, &KEY) else { return false };
    assert!(input.len() <= LOOKUP_SIZE_LIMIT_BYTES);
    let mut tiles = Tiles::default();
    let needed = lookup.tiles();
    assert!(needed.len() <= 64, "{} tiles", needed.len());
    for tile in needed {
        assert!(tile.size_bytes() <= 256 * 32, "{tile}");
        tiles.insert(tile, &LOG.tile(&tile.path()).unwrap()).unwrap();
    }
    let Ok(answer) = lookup.prove(&tiles) else { return false };
    assert_eq!((answer.h1().to_string().as_str(), answer.module()), (H1, &*MODULE));
    let proof = answer.proof();
    assert_eq!(proof.index(), RECORD);
    assert_eq!(proof.to_string(), LOG.tlog_proof(RECORD, proof.head().size()));
    assert_eq!(TlogProof::parse(proof.to_string().as_bytes(), &KEY).as_ref(), Ok(proof));
    true
}
