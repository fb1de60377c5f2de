//! The `seatshift` binary. Everything is in the library part, so that tests can reach it.

fn main() -> std::process::ExitCode {
    seatshift_cli::main()
}
