//! The two verifiers.

use super::MutateError;
use std::path::{Path, PathBuf};
use std::process::Command;
use writ::audit::bundle::open;
use writ::audit::verify::{Trust, bundle};

/// What a verifier says of a bundle that holds.
pub const VERIFIED: &str = "VERIFIED";

/// What Writ's own verifier says.
pub fn ours(key: Option<&str>, bytes: &[u8]) -> Result<String, MutateError> {
    let trust = match key {
        Some(key) => Trust::Keys(vec![key.parse().map_err(|_| MutateError::Specimen("its key cannot be read"))?]),
        None => Trust::OnFirstUse,
    };
    Ok(match bundle(bytes, &trust, &[])? {
        Ok(_) => VERIFIED.to_owned(),
        Err(finding) => {
            let at = finding.at.map(|seq| format!(" at #{seq}")).unwrap_or_default();
            format!("FAILED {}{at}", finding.failure.code())
        }
    })
}

/// The checkpoint and the events of a bundle that was found to hold.
pub fn what_is_proven(bytes: &[u8]) -> Result<Vec<Vec<u8>>, MutateError> {
    let ([_, _, _, checkpoint, _], mut lines) = open(bytes).map_err(|_| MutateError::Specimen("it cannot be taken apart"))?;
    let mut proven = vec![checkpoint];
    while let Some(line) = lines.next_line()? {
        proven.extend(line.bytes);
    }
    Ok(proven)
}

/// The one in Python.
pub struct Python {
    program: PathBuf,
    script: PathBuf,
    folder: tempfile::TempDir,
}

impl Python {
    /// With this interpreter.
    pub fn new(program: &Path) -> Result<Self, MutateError> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("verify_bundle.py");
        Ok(Self { program: program.to_owned(), script, folder: tempfile::tempdir()? })
    }

    /// What it says of each of these, in order.
    pub fn judge<'a>(&self, key: Option<&str>, bundles: impl Iterator<Item = &'a [u8]>) -> Result<Vec<String>, MutateError> {
        let mut paths = Vec::new();
        for (n, bytes) in bundles.enumerate() {
            let path = self.folder.path().join(format!("{n}.tar"));
            std::fs::write(&path, bytes)?;
            paths.push(path);
        }
        let mut command = Command::new(&self.program);
        command.arg(&self.script).args(key.map(|key| ["--key", key]).into_iter().flatten()).args(&paths);
        let output = command.output()?;
        let told = String::from_utf8_lossy(&output.stdout);
        let verdicts: Vec<String> = told.lines().filter_map(|line| Some(line.split_once('\t')?.0.to_owned())).collect();
        match verdicts.len() == paths.len() {
            true => Ok(verdicts),
            false => Err(MutateError::Python(String::from_utf8_lossy(&output.stderr).into_owned())),
        }
    }
}
