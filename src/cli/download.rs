//! `goverify fetch --download-only`: the verified archive with its companions, not unpacked.

use std::io::Read;
use std::path::{Path, PathBuf};

use goverify::error::FileError;
use goverify::install::{ArchiveSpool, Destination};

use super::failure::Failure;
use super::json::Outcome;
use super::order::{Job, Order, Placing, download_and_verify};
use super::runtime;

pub(crate) async fn run(order: &mut Order, output: Option<PathBuf>, outcome: &mut Outcome) -> Result<(), Failure> {
    let path = output.unwrap_or_else(|| PathBuf::from(order.file.name().to_string()));
    if path.is_dir() || path.as_os_str().as_encoded_bytes().ends_with(b"/") {
        return Err(Failure::usage(format!("{}: names a folder, -o needs a file", path.display())));
    }
    let path = std::path::absolute(&path).map_err(FileError::at(&path, "make absolute"))?;
    let folder = path.parent().map(Path::to_owned).ok_or_else(|| Failure::usage("-o: a file name is needed"))?;
    let Placing { occupied, durability, lock_timeout } = order.placing;
    ArchiveSpool::check_vacant(&path, occupied)?;
    let consume = move |input: &mut dyn Read, job: &Job| {
        let spool = ArchiveSpool::new_in(&folder)?;
        let mut input = spool.tee(input)?;
        job.receive(&mut input, spool)
    };
    let verified = download_and_verify(order, consume, outcome).await?;
    let (to, watch) = (path.clone(), order.watch.clone());
    runtime::blocking(move || {
        verified.publish(&Destination::prepare(&to, lock_timeout, &watch)?, occupied, durability)
    })
    .await?;
    outcome.stored = Some(path);
    Ok(())
}
