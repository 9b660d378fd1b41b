//! Values as messages in JSON, through the adapters.

use framewise::{Config, Connection, Error, JsonError, Message, blocking, tokio::WebSocket};
use tokio::io::duplex;

use crate::support::{SEED, config, sockets};

// More than may be pending at once, together.
#[tokio::test]
async fn values_wait_for_room() {
    for split in [false, true] {
        let (one, other) = duplex(64);
        let small = config(|config| config.max_output = 1000);
        let mut one = WebSocket::new(one, Connection::server(small));
        let mut other = WebSocket::new(other, Connection::client(Config::default(), SEED));
        let value = "x".repeat(600);
        let sent = value.clone();
        let sending = tokio::spawn(async move {
            if split {
                let (_reader, mut writer) = one.into_split();
                for _ in 0..10 {
                    writer.send_json(&sent).await.unwrap();
                }
                return;
            }
            one.connection_mut().send_json(&sent).unwrap();
            for _ in 0..9 {
                one.send_json(&sent).await.unwrap();
            }
        });
        for _ in 0..10 {
            let message = other.read().await.unwrap().unwrap();
            assert_eq!(message.json::<&str>(), Ok(value.as_str()), "{split}");
        }
        sending.await.unwrap();
    }
}

#[test]
fn a_thread_sends_values() {
    let (one, other) = sockets();
    let mut one = blocking::WebSocket::new(one, Connection::server(Config::default()));
    let mut other = blocking::WebSocket::new(other, Connection::client(Config::default(), SEED));
    one.send_json(&[1, 2]).unwrap();
    let message = other.read().unwrap().unwrap();
    assert_eq!(message, Message::text("[1,2]"));
    let error = Error::from(message.json::<String>().unwrap_err());
    assert!(matches!(error, Error::Json(JsonError::Type { line: 1, column: 0 })), "{error:?}");
    assert!(!error.is_transient());
    let error = std::io::Error::from(error);
    assert_eq!(error.kind(), std::io::ErrorKind::InvalidData);
}
