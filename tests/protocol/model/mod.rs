//! All interleavings of a client and a server on their way from open to closed (RFC 6455 §7).
//!
//! Two real machines and an ordered link in each direction make a [world](World). Its *steps* are
//! what the two applications, their drivers and the network may do next. Within the budget of a
//! scenario each world that can be reached is visited once, and each step that it allows is taken
//! there, by going the shortest way again with fresh machines: they are not `Clone`. Two worlds are
//! the same if all that can be seen of them is ([`Key`]).
//!
//! With each step the machine is compared with a table ([`table`]) and with what is promised
//! ([`World::take`]). On the graph of all worlds it is shown then that none is stuck, and that the
//! table was covered.

mod machine;
mod table;
mod world;

use std::collections::{BTreeSet, HashMap};

use framewise::{Config, Connection, EndOfStream, State};

use self::{
    machine::Machine,
    table::{STATES, TRIGGERS, Trigger},
    world::{Budget, Change, Key, STEPS, Step, World},
};
use crate::pair::secs;

// 6455-5.5.1-09, 6455-5.5.1-10, 6455-5.5.1-20, 6455-5.5.1-21, 6455-5.5.1-22, 6455-5.5.2-03,
// 6455-7.1.1-05, 6455-7.1.1-06, 6455-7.1.2-02, 6455-7.1.4-01, 6455-7.1.4-03, 6455-7.1.7-01,
// 6455-7.1.7-05, 6455-7.1.7-07, 6455-7.1.7-09; R31, R32
#[test]
fn whole_connections_end_in_every_order_of_events() {
    let covered = explore_all(Machine::Whole);
    // The answer to a Close is queued with the Close, and an open connection does not give up.
    let unreachable = |state, trigger| match trigger {
        Trigger::ReplyQueued => true,
        Trigger::GiveUp => matches!(state, State::Open | State::CloseReceived),
        _ => state == State::CloseReceived,
    };
    assert_covered(&covered, unreachable);
}

// 6455-5.5.1-09, 6455-5.5.1-10, 6455-5.5.1-20, 6455-5.5.1-21, 6455-5.5.1-22, 6455-5.5.2-03,
// 6455-7.1.1-05, 6455-7.1.1-06, 6455-7.1.2-02, 6455-7.1.4-01, 6455-7.1.4-03, 6455-7.1.7-01,
// 6455-7.1.7-05, 6455-7.1.7-07, 6455-7.1.7-09; R31, R32
#[cfg(feature = "std")]
#[test]
fn halves_end_in_every_order_of_events() {
    let covered = explore_all(|connection| {
        let (receiving, sending) = connection.into_split();
        Machine::Halves(receiving, sending)
    });
    // No reply is owed to an open connection, and it does not give up. A reply that is left when the
    // stream has ended is given up, as a whole connection does.
    let unreachable = |state, trigger| match trigger {
        Trigger::ReplyQueued => state == State::Open,
        Trigger::GiveUp => state == State::Open,
        _ => false,
    };
    assert_covered(&covered, unreachable);
}

/// Explores every scenario; returns which triggers came in which state.
fn explore_all(make: Make) -> BTreeSet<(usize, Trigger)> {
    const NOTHING: Budget =
        Budget { closes: 1, pings: 0, rogues: 0, tears: 0, resets: 0, timeouts: 0, cuts: 0 };
    let pinging = Budget { closes: 0, pings: 1, ..NOTHING };
    let quiet = |config: &mut Config| config.ping_interval = None;
    let keep_alive = |config: &mut Config| config.pong_timeout = Some(secs(10));
    let idle = |config: &mut Config| {
        config.ping_interval = None;
        config.idle_timeout = Some(secs(60));
    };
    let scenarios: [(&str, [Budget; 2], Configure); 9] = [
        ("pings", [Budget { pings: 1, ..NOTHING }; 2], quiet),
        ("cuts", [Budget { cuts: 1, ..NOTHING }; 2], quiet),
        ("a broken server", [Budget { rogues: 2, ..NOTHING }, pinging], quiet),
        ("a broken client", [pinging, Budget { rogues: 2, ..NOTHING }], quiet),
        ("ends of streams", [Budget { tears: 1, ..NOTHING }; 2], quiet),
        ("a lost transport", [Budget { resets: 1, pings: 1, ..NOTHING }, NOTHING], quiet),
        ("silence towards the client", [Budget { timeouts: 2, ..NOTHING }, NOTHING], keep_alive),
        ("silence towards the server", [NOTHING, Budget { timeouts: 2, ..NOTHING }], keep_alive),
        ("idleness", [Budget { timeouts: 1, ..NOTHING }; 2], idle),
    ];
    let mut covered = BTreeSet::new();
    for (name, budgets, configure) in scenarios {
        let graph = Graph::explore(budgets, make, configure);
        println!("{name}: {} worlds, {} steps", graph.nodes.len(), graph.steps());
        graph.check();
        covered.extend(graph.covered);
    }
    covered
}

type Make = fn(Connection) -> Machine;
type Configure = fn(&mut Config);

/// All worlds of a scenario, and the steps between them.
struct Graph {
    nodes: Vec<Node>,
    // Which triggers came in which state, as an index into `STATES`.
    covered: BTreeSet<(usize, Trigger)>,
}

struct Node {
    key: Key,
    /// The shortest way to it.
    way: Vec<(usize, Step)>,
    /// Which world each step leads to.
    next: Vec<(usize, Step, usize)>,
}

impl Graph {
    fn explore(budgets: [Budget; 2], make: Make, configure: Configure) -> Self {
        let first = World::new(budgets, make, configure);
        let mut known = HashMap::from([(first.key(), 0)]);
        let node = Node { key: first.key(), way: Vec::new(), next: Vec::new() };
        let mut graph = Self { nodes: vec![node], covered: BTreeSet::new() };
        let mut visited = 0;
        while let Some(node) = graph.nodes.get(visited) {
            let way = node.way.clone();
            let again = || {
                let mut world = World::new(budgets, make, configure);
                for &(side, step) in &way {
                    world.take(side, step);
                }
                world
            };
            let here = again();
            let steps: Vec<_> = [0, 1]
                .into_iter()
                .flat_map(|side| STEPS.map(|step| (side, step)))
                .filter(|&(side, step)| here.allows(side, step))
                .collect();
            let mut here = Some(here);
            for (side, step) in steps {
                let mut world = here.take().unwrap_or_else(again);
                graph.cover(world.take(side, step));
                let key = world.key();
                let next = *known.entry(key.clone()).or_insert_with(|| {
                    let way = way.iter().copied().chain([(side, step)]).collect();
                    graph.nodes.push(Node { key, way, next: Vec::new() });
                    graph.cover(world.probe());
                    graph.nodes.len() - 1
                });
                graph.nodes[visited].next.push((side, step, next));
            }
            visited += 1;
        }
        graph
    }

    fn cover(&mut self, changes: impl IntoIterator<Item = Change>) {
        for Change { before, trigger } in changes {
            let state = STATES.iter().position(|&state| state == before).expect("one of them");
            self.covered.insert((state, trigger));
        }
    }

    fn steps(&self) -> usize {
        self.nodes.iter().map(|node| node.next.len()).sum()
    }

    /// Checks that each world comes to its end.
    fn check(&self) {
        for node in &self.nodes {
            self.ends_when_all_arrives(node);
            self.ends_when_nothing_arrives(node);
        }
    }

    /// All is written and arrives; when nothing moves any more, time passes.
    fn ends_when_all_arrives(&self, node: &Node) {
        let end = self.follow(node, |step| match step {
            Step::Write => Some(0),
            Step::Deliver => Some(1),
            Step::Timeout => Some(2),
            _ => None,
        });
        let states = end.key.sides.each_ref().map(|side| side.state);
        if states == [State::Open; 2] {
            assert!(end.key.sides.iter().all(|side| !side.may_time_out()), "{:?}", node.way);
            return;
        }
        assert_eq!(states, [State::Closed; 2], "stuck behind {:?}", node.way);
        for side in &end.key.sides {
            assert!(side.shut, "the transport is closed: {:?}", node.way);
            if !end.key.disturbed {
                // Two machines of this crate, on a link that works, end cleanly.
                assert_eq!(side.end, Some(EndOfStream::Clean), "{:?}", node.way);
                assert_eq!((side.closes, side.received_close), (1, Some(1000)));
            }
        }
    }

    /// Nothing arrives any more, and time passes: whoever waits for something stops waiting.
    fn ends_when_nothing_arrives(&self, node: &Node) {
        let end = self.follow(node, |step| match step {
            Step::Write => Some(0),
            Step::Timeout => Some(1),
            _ => None,
        });
        for side in &end.key.sides {
            match side.state {
                State::Closed => assert!(side.shut, "{:?}", node.way),
                state => {
                    assert_eq!(state, State::Open, "stuck behind {:?}", node.way);
                    assert!(!side.may_time_out(), "{:?}", node.way);
                }
            }
        }
    }

    /// Takes the first of the steps that have a rank again and again, until there is none.
    fn follow<'a>(&'a self, mut node: &'a Node, rank: impl Fn(&Step) -> Option<u8>) -> &'a Node {
        for _ in 0..MANY {
            let steps = node
                .next
                .iter()
                .filter_map(|(side, step, next)| rank(step).map(|rank| (rank, *side, *next)));
            let Some((_, _, next)) = steps.min() else {
                return node;
            };
            node = &self.nodes[next];
        }
        panic!("no end behind {:?}", node.way);
    }
}

/// Checks that each trigger came in each state, except where it cannot.
fn assert_covered(
    covered: &BTreeSet<(usize, Trigger)>,
    unreachable: impl Fn(State, Trigger) -> bool,
) {
    for (index, state) in STATES.into_iter().enumerate() {
        for trigger in TRIGGERS {
            let expected = !unreachable(state, trigger);
            assert_eq!(covered.contains(&(index, trigger)), expected, "{trigger:?} in {state:?}");
        }
    }
}

/// More steps than any way to the end has.
const MANY: usize = 100;
