//! When a table that has emptied gives its room back.
//!
//! Tables grow by doubling and never shrink by themselves: without this, a node would keep
//! for ever what it needed in its worst minute.

/// Entries for which room may be kept, whatever is used of it.
pub const KEPT: usize = 64;

/// Whether a table of `len` entries has room for far more than it needs: over four times as
/// many. One that is then cut to twice its entries has to halve or double before it moves
/// again, so that moving costs little for each entry that came or went.
pub fn is_ample(len: usize, capacity: usize) -> bool {
    capacity > KEPT && len < capacity / 4
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn a_table_that_empties_moves_seldom_and_ends_small() {
        let mut table: HashMap<u32, u32> = (0..100_000).map(|n| (n, n)).collect();
        let mut moves = 0;
        for n in 0..100_000 {
            table.remove(&n);
            if is_ample(table.len(), table.capacity()) {
                table.shrink_to(table.len() * 2);
                moves += 1;
            }
        }
        assert!((5..20).contains(&moves), "{moves}");
        assert!(table.capacity() <= KEPT, "{}", table.capacity());
        assert!(!is_ample(50_000, 100_000));
    }
}
