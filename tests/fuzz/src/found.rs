//! What was found: the smallest inputs that failed, in files.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::target::Target;

/// The folder of what was found by a target.
pub fn folder(target: &Target) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("found").join(target.name)
}

/// Keeps an input, and gives its file.
///
/// # Errors
/// It could not be written.
pub fn keep(target: &Target, input: &[u8]) -> io::Result<PathBuf> {
    let folder = folder(target);
    fs::create_dir_all(&folder)?;
    // A name that depends on nothing but the content: the same input is kept once (FNV-1a).
    let hash = input
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3));
    let file = folder.join(format!("{hash:016x}"));
    fs::write(&file, input)?;
    Ok(file)
}

/// Everything that was ever kept for a target, with its file.
///
/// # Errors
/// It could not be read.
pub fn all(target: &Target) -> io::Result<Vec<(PathBuf, Vec<u8>)>> {
    let folder = folder(target);
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let mut files =
        fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<Vec<_>>>()?;
    files.sort();
    files.into_iter().map(|file| fs::read(&file).map(|input| (file, input))).collect()
}
