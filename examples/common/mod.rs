//! What the examples share: the command line, the terminal, and Ctrl-C.
#![allow(dead_code, unused_imports, unused_macros, reason = "each example uses some of it")]

pub(crate) mod client;
pub(crate) mod server;

use std::{
    error::Error,
    fs,
    io::{self, Write},
    mem,
    path::Path,
    process::{self, ExitCode},
};

/// Prints a line to the standard output. Unlike `println!`, a failed write does not panic: the
/// reader of a pipe may be gone, and a terminal may take nothing now.
macro_rules! say {
    ($($line:tt)*) => {
        $crate::common::write_line(::std::io::stdout(), &format!($($line)*))
    };
}

/// Prints a line to the standard error. Like [`say`], it never panics.
macro_rules! report {
    ($($line:tt)*) => {
        $crate::common::write_line(::std::io::stderr(), &format!($($line)*))
    };
}

pub(crate) use {report, say};

/// Writes all of a line at once, so that lines of several programs do not mix.
pub(crate) fn write_line(mut to: impl Write, line: &str) {
    let _ = to.write_all(format!("{line}\n").as_bytes()).and_then(|()| to.flush());
}

/// Returns the exit status of a program: 0, or 1 with a message for an error.
pub(crate) fn status(result: Result<(), Box<dyn Error>>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report!("{NAME}: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Prints the help and ends the program.
pub(crate) fn help(text: &str) -> ! {
    say!("{}", text.trim_end());
    process::exit(0)
}

/// Ends the program because its command line is wrong.
pub(crate) fn refuse(error: &lexopt::Error) -> ! {
    report!("{NAME}: {error}\nTry '{NAME} --help'.");
    process::exit(USAGE)
}

/// Reads a file, with its name in the error.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, lexopt::Error> {
    fs::read(path).map_err(|error| format!("{}: {error}", path.display()).into())
}

/// Takes no arguments but `--help`.
pub(crate) fn no_arguments(text: &str) {
    match lexopt::Parser::from_env().next() {
        Ok(None) => {}
        Ok(Some(lexopt::Arg::Short('h') | lexopt::Arg::Long("help"))) => help(text),
        Ok(Some(argument)) => refuse(&argument.unexpected()),
        Err(error) => refuse(&error),
    }
}

/// Calls `stop`, on another thread, at the first Ctrl-C, SIGTERM or SIGHUP. The second one ends the
/// program at once, whatever it waits for.
pub(crate) fn on_interrupt(mut stop: impl FnMut() + Send + 'static) -> Result<(), ctrlc::Error> {
    let mut stopping = false;
    ctrlc::set_handler(move || {
        if mem::replace(&mut stopping, true) {
            process::exit(INTERRUPTED);
        }
        stop();
    })
}

/// The name of the example.
pub(crate) const NAME: &str = env!("CARGO_BIN_NAME");

/// The exit status after a wrong command line.
const USAGE: i32 = 2;

/// The exit status after Ctrl-C, as shells have it: 128 and the number of the signal.
pub(crate) const INTERRUPTED: i32 = 130;
