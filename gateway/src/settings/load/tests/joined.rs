//! Rules for nodes that are joined over Redis: what cannot work is refused by its name, and what to do is said.

use super::{from_toml, problems_of};

/// A good node of many, and more of some sections.
fn joined(internal: &str, cluster: &str, redis: &str) -> String {
    let key = format!("[[internal.keys]]\nid = \"a\"\nsha256 = \"{}\"\nscopes = [\"read\"]", "0f".repeat(32));
    let secret = "s".repeat(32);
    format!(
        "internal.address = \"{internal}\"\nadapter.kind = \"redis\"\n{key}\n[cluster]\nsecret = \"{secret}\"\n{cluster}\n\
         [redis]\n{redis}\n"
    )
}

/// The only problem of settings: the key that it begins with, and all words that it has.
fn has_problem(text: &str, key: &str, words: &[&str]) {
    let problems = problems_of(text);
    assert_eq!(problems.len(), 1, "{text}: {problems:?}");
    assert!(problems[0].starts_with(&format!("{key} ")), "{text}: {problems:?}");
    for words in words {
        assert!(problems[0].contains(words), "{text}: {words}: {problems:?}");
    }
}

#[test]
fn other_nodes_are_told_where_they_reach_this_one() {
    for all in ["0.0.0.0:9090", "[::]:9090"] {
        let absent = ["is missing", &format!("internal.address = \"{all}\""), "ip:port at which they reach it"];
        has_problem(&joined(all, "", ""), "cluster.advertise", &absent);
        for good in ["10.0.0.5:9090", "[fd00::5]:1"] {
            assert!(from_toml(&joined(all, &format!("advertise = \"{good}\""), "")).is_ok(), "{good}");
        }
        for wrong in ["0.0.0.0:9090", "[::]:9090", "10.0.0.5:0", "10.0.0.5", "node-1:9090", "x"] {
            let text = joined(all, &format!("advertise = \"{wrong}\""), "");
            has_problem(&text, "cluster.advertise", &["an IP address and a port", "10.0.0.5:9090", wrong]);
        }
    }
    // One address is where others reach it too.
    assert!(from_toml(&joined("10.0.0.5:9090", "", "")).is_ok());
    has_problem(&joined("10.0.0.5:9090", "advertise = \"x\"", ""), "cluster.advertise", &["\"x\""]);
    // By itself a node is reached by nobody.
    let alone = joined("0.0.0.0:9090", "", "").replace("\"redis\"", "\"memory\"");
    assert!(from_toml(&alone).is_ok());
}

#[test]
fn several_servers_are_no_single_one() {
    let addresses = |topology: &str, addresses: &str| {
        joined("127.0.0.1:9090", "", &format!("topology = \"{topology}\"\naddresses = [{addresses}]"))
    };
    let (one, two) = ("\"a:6379\"", "\"a:6379\", \"b:6379\"");
    let several = ["redis.topology = \"standalone\" takes one", "set it to \"sentinel\" or \"cluster\""];
    has_problem(&addresses("standalone", two), "redis.addresses", &several);
    for (topology, list) in
        [("standalone", one), ("sentinel", one), ("sentinel", two), ("cluster", one), ("cluster", two)]
    {
        assert!(from_toml(&addresses(topology, list)).is_ok(), "{topology} {list}");
    }
    for topology in ["standalone", "sentinel", "cluster"] {
        has_problem(&addresses(topology, ""), "redis.addresses", &["at least one server"]);
    }
}

#[test]
fn what_a_single_link_to_a_cluster_does_not_hear_is_not_taken_in() {
    let redis = |topology: &str, format: &str, ingest: &str| {
        let lines = format!("topology = \"{topology}\"\nformat = \"{format}\"\ningest_format = \"{ingest}\"");
        joined("127.0.0.1:9090", "", &lines)
    };
    let with_ingest = |text: String| text + "ingest_prefix = \"old\"\n";
    for topology in ["standalone", "sentinel", "cluster"] {
        for format in ["classic", "sharded"] {
            for ingest in ["classic", "sharded"] {
                let text = redis(topology, format, ingest);
                assert!(from_toml(&text).is_ok(), "there is no second prefix: {text}");
                let text = with_ingest(text);
                if (topology, format, ingest) == ("cluster", "classic", "sharded") {
                    let words =
                        ["one link to one master", "set redis.format to \"sharded\"", "leave redis.ingest_prefix out"];
                    has_problem(&text, "redis.ingest_format", &words);
                } else {
                    assert!(from_toml(&text).is_ok(), "{text}");
                }
            }
        }
    }
}
