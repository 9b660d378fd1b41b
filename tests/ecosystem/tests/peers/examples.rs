//! The example programs over TLS. `EXAMPLES` names the folder in which they were built, with feature
//! `tls`; without it these tests say so and pass.

use std::{
    env,
    io::{BufRead as _, BufReader},
    path::PathBuf,
    process::{Command, Stdio},
};

use framewise_ecosystem::Authority;

use crate::{
    bindings::{Binding, Server},
    folder::Folder,
    programs::{Program, run},
};

fn example(name: &str) -> Option<Command> {
    let Ok(folder) = env::var("EXAMPLES") else {
        eprintln!("skipped: EXAMPLES does not say where the examples are");
        return None;
    };
    Some(Command::new(PathBuf::from(folder).join(name)))
}

/// Starts a server. Returns its address.
fn start(command: &mut Command) -> (Program, String) {
    let mut program =
        Program::start(command.args(["--listen", "127.0.0.1:0"]).stdout(Stdio::piped()));
    let mut line = String::new();
    BufReader::new(program.child().stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.trim().strip_prefix("listening on 127.0.0.1:").expect("an address");
    (program, format!("wss://localhost:{address}/"))
}

/// Gives a line to `line_client`, ends its input, and returns what it wrote to both outputs.
fn talk(arguments: &[&str]) -> Option<(bool, String, String)> {
    let command = example("line_client")?;
    let mut shell = Command::new("sh");
    shell.args(["-c", "echo Hello | \"$@\"", "sh"]).arg(command.get_program());
    Some(run(shell.args(arguments), b""))
}

#[test]
fn the_servers_and_the_client_talk_over_tls() {
    let (authority, folder) = (Authority::new("root"), Folder::new());
    let (identity, client) = (authority.issue(&["localhost"]), authority.issue_client("client"));
    let ca = folder.write("ca.pem", &authority.pem());
    let chain = folder.write("chain.pem", &identity.chain);
    let key = folder.write("key.pem", &identity.key());
    let client_chain = folder.write("client.pem", &client.chain);
    let client_key = folder.write("client.key()", &client.key());
    for name in ["echo_server", "echo_server_mio", "echo_server_std"] {
        let Some(mut command) = example(name) else { return };
        let (_server, url) = start(command.args(["--tls-cert", &chain, "--tls-key", &key]));
        let (succeeded, output, errors) = talk(&["--ca", &ca, "-v", &url]).unwrap();
        assert!(succeeded, "{name}: {errors}");
        assert_eq!(output, "Hello\n", "{name}");
        for line in
            ["* TLS 1.3", "* messages are compressed: ", "> Text, 5 bytes", "< Text, 5 bytes"]
        {
            assert!(errors.contains(line), "{name}: {errors}");
        }
        assert!(!errors.contains("WARNING"), "{errors}");

        // Without the root it is refused, unless nothing is checked.
        let other = folder.write("other.pem", Authority::new("other").pem());
        let (succeeded, _, errors) = talk(&["--ca", &other, &url]).unwrap();
        assert!(!succeeded && errors.contains("issuer"), "{name}: {errors}");
        let (succeeded, output, errors) = talk(&["--insecure", &url]).unwrap();
        assert!(succeeded, "{name}: {errors}");
        assert!(output == "Hello\n" && errors.starts_with("WARNING: --insecure"), "{errors}");

        let Some(mut command) = example(name) else { return };
        let files = ["--tls-cert", &chain, "--tls-key", &key, "--client-ca", &ca];
        let (_server, url) = start(command.args(files));
        let certificate = ["--cert", &client_chain, "--key", &client_key];
        let with = [&["--ca", &ca, &url][..], &certificate].concat();
        let (succeeded, output, errors) = talk(&with).unwrap();
        assert!(succeeded && output == "Hello\n", "{name}: {errors}");
        let (succeeded, _, errors) = talk(&["--ca", &ca, &url]).unwrap();
        assert!(!succeeded && errors.contains("certificate"), "{name}: {errors}");
    }
}

#[test]
fn line_client_talks_to_both_adapters() {
    let (authority, folder) = (Authority::new("root"), Folder::new());
    let identity = authority.issue(&["localhost"]);
    let ca = folder.write("ca.pem", &authority.pem());
    for binding in Binding::ALL {
        let server = Server::start(binding, Some(identity.server()), "");
        let url = format!("wss://localhost:{}/", server.port);
        let Some((succeeded, output, errors)) = talk(&["--ca", &ca, &url]) else { return };
        assert!(succeeded, "{binding:?}: {errors}");
        assert_eq!(output, "Hello\n");
    }
}
