//! One connection as a state machine: no I/O, time is an argument.
