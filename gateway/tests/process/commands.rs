//! The commands beside running.

use std::net::TcpListener;

use roomcast::settings::Settings;

use super::program::{Program, SECRETS, Written, key, run};

#[test]
fn check_config_says_what_was_read() {
    let ran = run(&["check-config"], &[]);
    let expected = "The settings are good: open development mode, loopback only; public 127.0.0.1:8080, \
                    internal 127.0.0.1:9090.\nRead: nothing but the defaults.\n";
    assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (Some(0), expected, ""));

    let file = Written::new(&format!("[internal]\naddress = \"0.0.0.0:9091\"\n{}", key(0)));
    let level = ("ROOMCAST__LOG__LEVEL", "debug");
    let (flag, variable) = (["check-config", "--config", file.text()], [level, ("ROOMCAST_CONFIG", file.text())]);
    for ran in [run(&flag, &[level]), run(&["check-config"], &variable)] {
        assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
        assert!(ran.out.starts_with("The settings are good: guarded; public 127.0.0.1:8080, internal 0.0.0.0:9091.\n"));
        assert!(ran.out.ends_with(&format!("\nRead: {}, ROOMCAST__LOG__LEVEL.\n", file.text())), "{}", ran.out);
    }
}

#[test]
fn what_keeps_it_from_starting_is_said_by_every_command_alike() {
    let file = Written::new("[limits]\nconectoins_max = 1\n[[internal.keys]]\nsha256 = 'hunter2'\n");
    let wrong = [("ROOMCAST_LOG__LEVEL", "debug"), ("ROOMCAST__PUBLIC__ADRESS", "0.0.0.0:80")];
    let start = run(&["--config", file.text()], &wrong);
    let place = file.text();
    assert_eq!(
        start.err.lines().collect::<Vec<_>>(),
        [
            "roomcast: the settings cannot be used:",
            "  environment variable ROOMCAST_LOG__LEVEL is not read: the nearest valid one is ROOMCAST__LOG__LEVEL",
            "  unknown key \"public.adress\" in environment variable ROOMCAST__PUBLIC__ADRESS: the nearest valid key \
             is ROOMCAST__PUBLIC__ADDRESS",
            &format!("  internal.keys[0].sha256 in {place}:4: expected 64 hexadecimal digits, found text"),
            &format!(
                "  unknown key \"limits.conectoins_max\" in {place}:2: the nearest valid key is \
                 \"limits.connections_max\""
            ),
        ]
    );
    for command in ["check-config", "print-config"] {
        let ran = run(&["--config", place, command], &wrong);
        assert_eq!((ran.code, &ran.err, ran.out.as_str()), (Some(64), &start.err, ""));
    }
    assert_eq!((start.code, start.out.as_str()), (Some(64), ""));
    let ran = run(&["healthcheck", "--config", place], &wrong);
    assert_eq!((ran.code, &ran.err), (Some(1), &start.err));

    let beyond = run(&["check-config"], &[("ROOMCAST__INTERNAL__ADDRESS", "0.0.0.0:9090")]);
    assert_eq!(beyond.code, Some(64));
    assert!(beyond.err.contains("internal.keys is missing"), "{}", beyond.err);
}

#[test]
fn what_nodes_cannot_work_with_is_named_before_any_of_them_starts() {
    let file = Written::new(&format!(
        "[internal]\naddress = \"0.0.0.0:0\"\n{}[adapter]\nkind = \"redis\"\n[cluster]\nsecret = \"{}\"\n[redis]\n\
         addresses = [\"a:1\", \"b:1\"]\n",
        key(0),
        "s".repeat(32)
    ));
    let cluster = [
        ("ROOMCAST__REDIS__TOPOLOGY", "cluster"),
        ("ROOMCAST__REDIS__INGEST_PREFIX", "old"),
        ("ROOMCAST__REDIS__INGEST_FORMAT", "sharded"),
    ];
    for (env, named) in [(&[][..], "redis.addresses"), (&cluster[..], "redis.ingest_format")] {
        let check = run(&["check-config", "--config", file.text()], env);
        let start = run(&["--config", file.text()], env);
        assert_eq!((check.code, start.code, &check.err), (Some(64), Some(64), &start.err));
        for key in [named, "cluster.advertise"] {
            assert!(check.err.lines().any(|line| line.starts_with(&format!("  {key} "))), "{key}: {}", check.err);
        }
        assert_eq!(check.err.lines().count(), 3, "{}", check.err);
    }
}

#[test]
fn print_config_loads_back_once_secrets_are_put_back() {
    let file = Written::new(&format!("[public]\norigins = [\"https://*.example.com\"]\n{}", key(0)));
    let level = ("ROOMCAST__LOG__LEVEL", "warn,roomcast=debug");
    let ran = run(&["print-config", "--config", file.text()], &[level]);
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
    for (setting, origin) in [
        ("origins = [\"https://*.example.com\"]", format!("{}:2", file.text())),
        ("level = \"warn,roomcast=debug\"", level.0.to_owned()),
        ("sha256 = \"…\"", format!("{}:5", file.text())),
        ("outbox_bytes_max = 1048576", "default".to_owned()),
    ] {
        let line = ran.out.lines().find(|line| line.starts_with(setting)).expect(setting);
        assert!(line.ends_with(&format!(" # {origin}")), "{line}");
    }
    let level = [(level.0.to_owned(), level.1.to_owned())];
    let first = Settings::load(Some(file.path()), level).expect("valid");
    let printed = Written::new(&ran.out.replace('…', SECRETS[0].1));
    let again = Settings::load(Some(printed.path()), []).expect("valid");
    assert_eq!(again.settings, first.settings);
    assert_eq!(run(&["--config", printed.text(), "check-config"], &[]).code, Some(0));
}

#[test]
fn healthcheck_asks_the_configured_listener() {
    let program = Program::start("[drain]\ndelay_ms = 20000\ndeadline_ms = 30000\n");
    let port = program.internal.port();
    // A wildcard needs a key, and is asked by loopback.
    let wildcard = Written::new(&format!("[internal]\naddress = \"0.0.0.0:{port}\"\n{}", key(0)));
    let configured = ["healthcheck", "--timeout-ms", "30000", "--config", wildcard.text()];
    let address = program.internal.to_string();
    let named = ["healthcheck", "--timeout-ms", "30000", "--address", &address];
    let alive = || run(&["healthcheck", "--timeout-ms", "30000", "--live", "--address", &address], &[]);
    for arguments in [configured, named] {
        let ran = run(&arguments, &[]);
        assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
        assert!(ran.out.starts_with("{\"ready\":true,"), "{}", ran.out);
    }
    assert_eq!((alive().code, alive().out.as_str()), (Some(0), "ok\n"));

    program.signal("TERM");
    program.logged("stopping", 1);
    program.until("roomcast_draining", |value| value > 0.5);
    let draining = run(&named, &[]);
    assert_eq!((draining.code, draining.out.as_str()), (Some(1), ""));
    assert!(draining.err.contains(" answered 503 Service Unavailable: {\"ready\":false,"), "{}", draining.err);
    assert_eq!(alive().code, Some(0));
    drop(program);
    let gone = run(&named, &[]);
    assert_eq!(gone.code, Some(1));
    assert!(gone.err.starts_with(&format!("roomcast: unhealthy: http://{address}: ")), "{}", gone.err);
}

#[test]
fn healthcheck_does_not_wait_for_ever() {
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = silent.local_addr().expect("an address").to_string();
    let ran = run(&["healthcheck", "--timeout-ms", "50"], &[("ROOMCAST__INTERNAL__ADDRESS", &address)]);
    let expected = format!("roomcast: unhealthy: http://{address}: no answer within 50 ms\n");
    assert_eq!((ran.code, ran.err), (Some(1), expected));
    let free = run(&["healthcheck"], &[("ROOMCAST__INTERNAL__ADDRESS", "127.0.0.1:0")]);
    assert_eq!(free.code, Some(1));
    assert!(free.err.contains("--address"), "{}", free.err);
}

#[test]
fn help_names_every_command_and_what_settings_are() {
    let help = run(&["--help"], &[]);
    assert_eq!(help.code, Some(0));
    for words in ["check-config", "print-config", "healthcheck", "--config <FILE>", "SIGHUP", "ROOMCAST__SECTION__KEY"]
    {
        assert!(help.out.contains(words), "{words}");
    }
    assert!(run(&["--version"], &[]).out.starts_with("roomcast "));
    let unknown = run(&["chek-config"], &[]);
    assert_eq!(unknown.code, Some(2));
    assert!(unknown.err.contains("check-config"), "{}", unknown.err);
}
