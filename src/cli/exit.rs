//! What a command ends with (AUDIT.md §8.3).

use crate::http::admin::ClientError;
use crate::ledger::{Failure, StartError};
use crate::log::directory::DirectoryError;
use std::io;
use std::process::ExitCode;

/// Why a command did not end with 0: a sentence for a person, and a number for a program.
#[derive(Debug, thiserror::Error)]
#[error("{sentence}")]
pub(super) struct CliError {
    pub(super) code: u8,
    sentence: String,
}

/// No match, no change.
const NO: u8 = 1;
const USAGE: u8 = 2;
const INTEGRITY: u8 = 3;
const INCOMPLETE: u8 = 4;
const NOT_PERMITTED: u8 = 5;
const UNKNOWN: u8 = 6;
const UNREACHABLE: u8 = 7;
const REPLAY_DIFFERS: u8 = 8;
const OUTPUT: u8 = 9;

impl CliError {
    pub(super) fn usage(sentence: impl Into<String>) -> Self {
        Self { code: USAGE, sentence: sentence.into() }
    }
    pub(super) fn unreachable(sentence: impl Into<String>) -> Self {
        Self { code: UNREACHABLE, sentence: sentence.into() }
    }
    pub(super) fn integrity(sentence: impl Into<String>) -> Self {
        Self { code: INTEGRITY, sentence: sentence.into() }
    }
    pub(super) fn replay_differs(sentence: impl Into<String>) -> Self {
        Self { code: REPLAY_DIFFERS, sentence: sentence.into() }
    }
    /// Not everything that was asked could be told.
    pub(super) fn incomplete(sentence: impl Into<String>) -> Self {
        Self { code: INCOMPLETE, sentence: sentence.into() }
    }
    /// Nothing was found where that is an answer, not an error: no words.
    pub(super) fn no() -> Self {
        Self { code: NO, sentence: String::new() }
    }
    /// Something that should be so is not.
    pub(super) fn differs(sentence: impl Into<String>) -> Self {
        Self { code: NO, sentence: sentence.into() }
    }
    /// The reader of our output went away, which is fine, or the output cannot be written, which is not.
    pub(super) fn output(error: &io::Error) -> Self {
        match error.kind() == io::ErrorKind::BrokenPipe {
            true => Self { code: 0, sentence: String::new() },
            false => Self::undelivered(error),
        }
    }
    /// What was to be printed and cannot be had again has not arrived, also where its reader went away.
    pub(super) fn undelivered(error: &io::Error) -> Self {
        Self { code: OUTPUT, sentence: format!("the output cannot be written: {error}") }
    }
    /// A problem of the admin API, by its `code`.
    pub(super) fn problem(code: &str, sentence: String) -> Self {
        let code = match code {
            "malformed" => USAGE,
            "unknown" => UNKNOWN,
            "conflict" => NO,
            "incomplete" => INCOMPLETE,
            "not_permitted" => NOT_PERMITTED,
            "integrity" => INTEGRITY,
            _ => UNREACHABLE,
        };
        Self { code, sentence }
    }
    /// Says the sentence and gives the code.
    pub(super) fn report(&self) -> ExitCode {
        if !self.sentence.is_empty() {
            super::output::words(&format!("writ: {}", self.sentence));
        }
        ExitCode::from(self.code)
    }
}

impl From<StartError> for CliError {
    fn from(error: StartError) -> Self {
        let code = match &error {
            StartError::Directory(DirectoryError::InUse { .. }) => UNREACHABLE,
            StartError::Directory(DirectoryError::Io { error, .. }) if error.kind() == io::ErrorKind::PermissionDenied => NOT_PERMITTED,
            StartError::Directory(DirectoryError::Io { .. }) | StartError::Vault(_) | StartError::Failure(_) => UNREACHABLE,
            StartError::Log(_) | StartError::KeysMissing(_) | StartError::Checkpoint { .. } | StartError::CheckpointsUnreadable(_) => {
                INTEGRITY
            }
        };
        Self { code, sentence: error.to_string() }
    }
}

impl From<ClientError> for CliError {
    fn from(error: ClientError) -> Self {
        match &error {
            ClientError::Unreachable { error: cause, .. } if cause.kind() == io::ErrorKind::PermissionDenied => {
                Self { code: NOT_PERMITTED, sentence: error.to_string() }
            }
            ClientError::Unsendable(_) => Self::usage(error.to_string()),
            ClientError::Unreachable { .. } | ClientError::Broken(_) => Self::unreachable(error.to_string()),
        }
    }
}

impl From<Failure> for CliError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Unreadable(_) | Failure::Contradiction(_) | Failure::Stopped => Self::integrity(failure.to_string()),
            Failure::Busy | Failure::ClockUntrusted | Failure::Vault(_) | Failure::Checkpoint(_) => Self::unreachable(failure.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_problem_has_its_number() {
        let cases = [
            ("malformed", 2),
            ("unknown", 6),
            ("conflict", 1),
            ("not_permitted", 5),
            ("integrity", 3),
            ("incomplete", 4),
            ("busy", 7),
            ("clock", 7),
        ];
        for (code, number) in cases {
            assert_eq!(CliError::problem(code, String::new()).code, number, "{code}");
        }
    }

    #[test]
    fn a_reader_that_goes_away_is_no_failure() {
        assert_eq!(CliError::output(&io::ErrorKind::BrokenPipe.into()).code, 0);
        assert_eq!(CliError::output(&io::ErrorKind::StorageFull.into()).code, 9);
        assert_eq!(CliError::undelivered(&io::ErrorKind::BrokenPipe.into()).code, 9, "unless all of it was needed");
    }
}
