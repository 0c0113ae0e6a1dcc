//! Signals that come before the program has started.
//!
//! The settings file is a pipe: the program reads it when the test writes, and so the test knows
//! that it has not come further than that.

use std::sync::mpsc::{Receiver, channel};

use super::program::{DEADLINE, FREE, Program, Written, send_signal, shell};

/// Writes the settings when somebody comes to read them, after `before` was done.
fn hand_out(path: &str, before: impl FnOnce() + Send + 'static) -> Receiver<()> {
    let (done, is_done) = channel();
    let path = path.to_owned();
    std::thread::spawn(move || {
        let mut pipe = std::fs::File::options().write(true).open(path).expect("somebody reads");
        before();
        std::io::Write::write_all(&mut pipe, FREE.as_bytes()).expect("it reads on");
        let _ = done.send(());
    });
    is_done
}

fn pipe() -> Written {
    let file = Written::new("");
    shell(&format!("rm {0} && mkfifo {0}", file.text()));
    file
}

#[test]
fn a_reload_asked_for_before_the_start_is_done_after_it() {
    let file = pipe();
    let path = file.text().to_owned();
    let program = Program::start_from(file, |process| {
        let read = hand_out(&path, move || send_signal(process, "HUP"));
        read.recv_timeout(DEADLINE).expect("the settings are read, and the signal kills nobody");
    });
    hand_out(&path, || {}).recv_timeout(DEADLINE).expect("they are read again");
    program.logged("settings reloaded: nothing changed", 1);
    assert_eq!(program.publish(None, 1), 202);
}

#[test]
fn a_stop_asked_for_before_the_start_is_an_orderly_one() {
    let file = pipe();
    let path = file.text().to_owned();
    let program = Program::start_from(file, |process| {
        let read = hand_out(&path, move || send_signal(process, "TERM"));
        read.recv_timeout(DEADLINE).expect("the settings are read, and the signal kills nobody");
    });
    assert!(program.ended().contains("stopping"));
}
