//! Bindings of framewise's driver to two runtimes that framewise does not know.
//!
//! - [`smol`]: polled streams, as tokio has them
//! - [`compio`]: completions (`io_uring`), where the kernel owns a buffer while it reads or writes
//!
//! Both are streams for the WebSockets of [`framewise::polled`], written against public items only. A
//! program needs one of them: copy the file.

pub mod compio;
pub mod smol;

/// Returns the address in the command line of an echo server: `--listen ADDR`.
///
/// # Errors
///
/// When the command line is another one.
pub fn address() -> Result<String, &'static str> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    match &arguments[..] {
        [] => Ok("127.0.0.1:9001".into()),
        [option, address] if option == "--listen" => Ok(address.clone()),
        _ => Err("usage: [--listen ADDR]"),
    }
}
