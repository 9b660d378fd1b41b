//! The lines of the standard input.

use std::{
    io::{self, BufRead, Read},
    thread,
};

use framewise::Message;
use tokio::sync::mpsc;

/// Reads lines on another thread, because a read of the standard input blocks. Ends with the first
/// error.
pub(crate) fn lines(binary: bool) -> io::Result<mpsc::Receiver<Result<Message, String>>> {
    let (sender, receiver) = mpsc::channel(16);
    thread::Builder::new().spawn(move || {
        let mut stdin = io::stdin().lock();
        for number in 1_u64.. {
            let line = next_line(&mut stdin, binary).transpose();
            let Some(line) = line else {
                break;
            };
            let line = line.map_err(|error| format!("line {number} of the input {error}"));
            let failed = line.is_err();
            if sender.blocking_send(line).is_err() || failed {
                break;
            }
        }
    })?;
    Ok(receiver)
}

/// Reads a line without its end. The last one may have none.
fn next_line(stdin: &mut impl BufRead, binary: bool) -> Result<Option<Message>, String> {
    let mut line = Vec::new();
    let len = stdin
        .take(MAX_LINE + 1)
        .read_until(b'\n', &mut line)
        .map_err(|error| format!("cannot be read: {error}"))?;
    if len == 0 {
        return Ok(None);
    }
    if line.last() == Some(&b'\n') {
        line.pop();
        if !binary && line.last() == Some(&b'\r') {
            line.pop();
        }
    } else if len as u64 > MAX_LINE {
        return Err(format!("is longer than {} MiB", MAX_LINE >> 20));
    }
    if binary {
        return Ok(Some(Message::Binary(line)));
    }
    match String::from_utf8(line) {
        Ok(text) => Ok(Some(Message::Text(text))),
        Err(_) => Err("is not valid UTF-8 (--binary sends any bytes)".into()),
    }
}

/// The longest line in bytes, so that input without line ends does not fill the memory.
pub(crate) const MAX_LINE: u64 = 64 << 20;
