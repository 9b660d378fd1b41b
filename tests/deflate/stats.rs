//! What is counted where messages are compressed.

use framewise::{
    Config, Connection, Input, MessageInfo, PreparedMessage, Role, Traffic, deflate::DeflateConfig,
};

use crate::support::{ROLES, end_with};

fn counting(role: Role, threshold: usize) -> Connection {
    end_with(role, "", |config: &mut Config| {
        config.stats = true;
        if let Some(deflate) = &mut config.deflate {
            deflate.threshold = threshold;
            deflate.threshold_with_takeover = true;
        }
    })
}

/// Has one end receive all that the other one has queued; returns what was known of each message.
fn pass(from: &mut Connection, to: &mut Connection) -> Vec<MessageInfo> {
    let mut bytes = from.output().chunks().collect::<Vec<_>>().concat();
    from.output().advance(bytes.len());
    let mut infos = Vec::new();
    for piece in bytes.chunks_mut(10) {
        let mut input = Input::new(piece);
        while to.receive(&mut input).unwrap().is_some() {
            infos.extend(to.message_info());
        }
    }
    infos
}

fn sent(connection: &Connection) -> Traffic {
    connection.stats().expect("it counts").sent
}

#[test]
fn compressed_messages_are_told_from_others() {
    for role in ROLES {
        let mut one = counting(role, 100);
        let mut other =
            counting(if role == Role::Client { Role::Server } else { Role::Client }, 100);
        let text = "all work and no play ".repeat(100);
        let prepared = PreparedMessage::new(text.as_str(), &DeflateConfig::default());
        one.send("small").unwrap();
        let plain = sent(&one).wire_bytes;
        assert_eq!(sent(&one).compression_ratio(), None);
        one.send(text.as_str()).unwrap();
        one.send(&prepared).unwrap();
        one.send_fragment(&text[..1000], false).unwrap();
        one.send_fragment(&text[1000..], true).unwrap();

        let infos = pass(&mut one, &mut other);
        let (figures, received) = (sent(&one), other.stats().expect("it counts").received);
        assert_eq!(figures, received);
        assert_eq!((figures.messages, figures.compressed_messages, figures.frames), (4, 3, 5));
        assert_eq!(figures.payload_bytes, 5 + 3 * 2100);
        assert_eq!(figures.compressed_payload_bytes, 3 * 2100);
        assert_eq!(figures.compressed_wire_bytes, figures.wire_bytes - plain);
        let ratio = figures.compression_ratio().expect("some were compressed");
        assert!(ratio > 10.0, "{ratio}");

        let compressed: Vec<bool> = infos.iter().map(|info| info.compressed).collect();
        assert_eq!(compressed, [false, true, true, true]);
        assert_eq!(infos[3].frames, 2);
        let on_wire: u64 = infos.iter().map(|info| info.wire_bytes).sum();
        assert_eq!(on_wire, figures.wire_bytes);
    }
}

#[test]
fn a_message_that_is_asked_to_stay_plain_counts_as_such() {
    let mut connection = counting(Role::Server, 0);
    connection.send(framewise::Payload::from("a".repeat(1000)).uncompressed()).unwrap();
    assert_eq!(sent(&connection).compressed_messages, 0);
    connection.send("a".repeat(1000)).unwrap();
    assert_eq!(sent(&connection).compressed_messages, 1);
}
