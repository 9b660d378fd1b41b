//! Redirects and reverse proxying by nginx.

use framewise::{Error, client::Connector, handshake::ClientRequest};

use framewise_ecosystem::{Authority, Certified};

use crate::{
    bindings::{Binding, Seen, Server},
    folder::Folder,
    programs::{Program, free_port, nginx},
};

/// Two origins of nginx, one with TLS and one without, in front of a server of ours.
struct Origins {
    _nginx: Program,
    _folder: Folder,
    secure: u16,
    plain: u16,
}

impl Origins {
    fn start(identity: &Certified, backend: u16) -> Option<Self> {
        let folder = Folder::new();
        let (chain, key) =
            (folder.write("chain.pem", &identity.chain), folder.write("key.pem", &identity.key()));
        let (secure, plain) = (free_port(), free_port());
        let locations = format!(
            "location = /permanent {{ return 301 /found; }}
             location = /found {{ return 302 /other?room=1; }}
             location = /other {{ return 303 temporary; }}
             location = /temporary {{ return 307 ./a/../permanent-308; }}
             location = /permanent-308 {{ return 308 /chat; }}
             location = /loop {{ return 302 /back; }}
             location = /back {{ return 302 /loop; }}
             location = /downgrade {{ return 302 http://localhost:{plain}/chat; }}
             location = /upgrade {{ return 302 https://localhost:{secure}/chat; }}
             location = /elsewhere {{ return 302 ws://127.0.0.1:{plain}/chat; }}
             location = /secret {{ return 302 http://user:hidden@localhost:{plain}/chat; }}
             location /chat {{
                 proxy_pass http://127.0.0.1:{backend};
                 proxy_http_version 1.1;
                 proxy_set_header Host $http_host;
                 proxy_set_header Upgrade $http_upgrade;
                 proxy_set_header Connection upgrade;
                 proxy_read_timeout 60s;
             }}"
        );
        let servers = format!(
            "absolute_redirect off;
             server {{ listen 127.0.0.1:{plain}; {locations} }}
             server {{
                 listen 127.0.0.1:{secure} ssl;
                 ssl_certificate {chain}; ssl_certificate_key {key};
                 {locations}
             }}"
        );
        let nginx = nginx(&servers, plain, &folder)?;
        Some(Self { _nginx: nginx, _folder: folder, secure, plain })
    }

    fn request(&self, secure: bool, path: &str) -> ClientRequest {
        let (scheme, port) = if secure { ("wss", self.secure) } else { ("ws", self.plain) };
        ClientRequest::new(format!("{scheme}://localhost:{port}{path}"))
            .unwrap()
            .header("Authorization", "Bearer of-this-origin")
            .unwrap()
            .header("Cookie", "session=of-this-origin")
            .unwrap()
            .header("X-Kept", "yes")
            .unwrap()
    }
}

/// Returns the fields of the only request that came to the server.
fn request_of(server: &Server) -> Vec<String> {
    let mut requests = server.take_seen().into_iter().filter_map(|seen| match seen {
        Seen::Request(fields) => Some(fields.into_iter().map(|(name, _)| name).collect()),
        _ => None,
    });
    let first = requests.next().expect("no request");
    assert!(requests.next().is_none(), "more than one request");
    first
}

#[test]
fn redirects_are_followed_when_the_program_says_so() {
    let authority = Authority::new("root");
    let identity = authority.issue(&["localhost", "127.0.0.1"]);
    for binding in Binding::ALL {
        let server = Server::start(binding, None, "");
        let Some(origins) = Origins::start(&identity, server.port) else { return };
        let connector = Connector::new().tls(authority.client());
        let follows = connector.clone().redirects(5);

        // Off by default.
        let error = binding.talk(&connector, &origins.request(true, "/permanent")).unwrap_err();
        let Error::Handshake(refused) = &error else { panic!("{error:?}") };
        assert_eq!(refused.response().unwrap().status(), 301);

        for secure in [false, true] {
            server.take_seen();
            binding.talk(&follows, &origins.request(secure, "/permanent")).unwrap();
            let fields = request_of(&server);
            for name in ["authorization", "cookie", "x-kept"] {
                assert!(fields.iter().any(|field| field.eq_ignore_ascii_case(name)), "{fields:?}");
            }
        }

        // To another origin the credentials do not go.
        for (secure, path) in [(false, "/upgrade"), (false, "/elsewhere")] {
            server.take_seen();
            binding.talk(&follows, &origins.request(secure, path)).unwrap();
            let fields = request_of(&server);
            for name in ["authorization", "cookie"] {
                assert!(!fields.iter().any(|field| field.eq_ignore_ascii_case(name)), "{fields:?}");
            }
            assert!(fields.iter().any(|field| field.eq_ignore_ascii_case("x-kept")), "{fields:?}");
        }

        server.take_seen();
        for (secure, path) in [(true, "/loop"), (true, "/downgrade"), (false, "/secret")] {
            let error = binding.talk(&follows, &origins.request(secure, path)).unwrap_err();
            assert!(matches!(error, Error::Redirect(_)), "{path}: {error:?}");
            assert!(!error.to_string().contains("hidden"), "{error}");
            println!("{path}: {error}");
        }
        let few = connector.redirects(3);
        let error = binding.talk(&few, &origins.request(true, "/permanent")).unwrap_err();
        assert!(matches!(error, Error::Redirect(_)), "{error:?}");
        assert!(!server.take_seen().iter().any(|seen| matches!(seen, Seen::Request(_))));
    }
}

// The 400 that nginx answers on its port for TLS.
#[test]
fn a_plain_request_to_a_port_for_tls_is_told_so() {
    let authority = Authority::new("root");
    let identity = authority.issue(&["localhost"]);
    for binding in Binding::ALL {
        let Some(origins) = Origins::start(&identity, free_port()) else { return };
        let request =
            ClientRequest::new(format!("ws://localhost:{}/chat", origins.secure)).unwrap();
        let error = binding.talk(&Connector::new(), &request).unwrap_err();
        assert!(error.to_string().contains("wss://"), "{error}");
        // And TLS to a port for plain HTTP.
        let connector = Connector::new().tls(authority.client());
        let request =
            ClientRequest::new(format!("wss://localhost:{}/chat", origins.plain)).unwrap();
        let error = binding.talk(&connector, &request).unwrap_err();
        assert!(matches!(error, Error::Tls(_)), "{error:?}");
        assert!(error.to_string().contains("ws://"), "{error}");
    }
}
