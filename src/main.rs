//! The binary: arguments to the command line, its word to an exit code.

fn main() -> std::process::ExitCode {
    writ::cli::run()
}
