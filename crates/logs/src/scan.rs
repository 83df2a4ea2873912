//! Reads events of many blocks in one order, forward or backward: a merge of sorted blocks that works through the run of one block at a time.

use crate::blocks::{Block, EventView, Position};
use std::{cmp::Reverse, collections::BinaryHeap, ops::ControlFlow, sync::Arc};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    Forward,
    Backward,
}

/// A block, and the stream that it is of.
#[derive(Clone, Debug)]
pub struct Source {
    pub stream: Arc<str>,
    pub block: Arc<Block>,
}

/// An event that was found.
#[derive(Clone, Copy, Debug)]
pub struct Found<'s> {
    source: &'s Source,
    index: usize,
    pub place: Position,
    pub message: &'s str,
}

impl<'s> Found<'s> {
    pub fn stream(&self) -> &'s Arc<str> {
        &self.source.stream
    }

    pub fn event(&self) -> Option<EventView<'s>> {
        self.source.block.event(self.index)
    }
}

/// Places in the order of reading: backward they are turned around.
fn rank(direction: Direction, place: Position) -> i128 {
    let rank = (i128::from(place.time) << 64) | i128::from(place.number);
    match direction {
        Direction::Forward => rank,
        Direction::Backward => -rank,
    }
}

/// A place in a block, while it is read.
struct Cursor {
    source: usize,
    /// The indexes that are left.
    from: usize,
    to: usize,
}

/// The events from one place (included) to another (excluded).
pub struct Scan {
    direction: Direction,
    sources: Vec<Source>,
    cursors: Vec<Cursor>,
    /// The cursors by the rank of their next event.
    heads: BinaryHeap<Reverse<(i128, usize)>>,
}

impl Scan {
    pub fn new(sources: Vec<Source>, from: Position, to: Position, direction: Direction) -> Scan {
        let (mut cursors, mut heads) = (Vec::new(), Vec::new());
        for (source, Source { block, .. }) in sources.iter().enumerate() {
            if block.last() < from || block.first() >= to {
                continue;
            }
            let cursor = Cursor { source, from: block.index_from(from), to: block.index_from(to) };
            if let Some(place) = next_place(block, &cursor, direction) {
                heads.push(Reverse((rank(direction, place), cursors.len())));
                cursors.push(cursor);
            }
        }
        Scan { direction, sources, cursors, heads: heads.into() }
    }

    /// Reads up to `budget` events, or until `visit` stops it. True: all are read.
    #[inline]
    pub fn run(&mut self, budget: usize, mut visit: impl FnMut(Found<'_>) -> ControlFlow<()>) -> bool {
        let mut left = budget;
        while let Some(Reverse((_, head))) = self.heads.pop() {
            let Some(cursor) = self.cursors.get_mut(head) else { continue };
            let Some(source) = self.sources.get(cursor.source) else { continue };
            // As far as the next block, events of this one follow each other.
            let bound = self.heads.peek().map_or(i128::MAX, |Reverse((bound, _))| *bound);
            loop {
                let index = match self.direction {
                    Direction::Forward => cursor.from,
                    Direction::Backward => cursor.to.wrapping_sub(1),
                };
                if cursor.from >= cursor.to {
                    break;
                }
                let (Some(place), Some(message)) = (source.block.place(index), source.block.message(index)) else { break };
                let rank = rank(self.direction, place);
                if rank > bound || left == 0 {
                    self.heads.push(Reverse((rank, head)));
                    break;
                }
                left -= 1;
                match self.direction {
                    Direction::Forward => cursor.from += 1,
                    Direction::Backward => cursor.to -= 1,
                }
                if visit(Found { source, index, place, message }).is_break() {
                    if let Some(place) = next_place(&source.block, cursor, self.direction) {
                        self.heads.push(Reverse((self::rank(self.direction, place), head)));
                    }
                    return self.heads.is_empty();
                }
            }
            if left == 0 {
                return self.heads.is_empty();
            }
        }
        true
    }
}

fn next_place(block: &Block, cursor: &Cursor, direction: Direction) -> Option<Position> {
    if cursor.from >= cursor.to {
        return None;
    }
    block.place(match direction {
        Direction::Forward => cursor.from,
        Direction::Backward => cursor.to - 1,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sources(blocks: &[Vec<i64>]) -> Vec<Source> {
        let mut number = 0;
        let mut made = vec![];
        for (stream, times) in blocks.iter().enumerate() {
            let mut times = times.clone();
            times.sort_unstable();
            let text = stream.to_string();
            if let Some(block) = Block::of(number, 0, times.iter().map(|time| (*time, text.as_str()))) {
                number = block.next_number();
                made.push(Source { stream: text.into(), block: Arc::new(block) });
            }
        }
        made
    }

    fn read(mut scan: Scan, budget: usize, stop_after: usize) -> Vec<Position> {
        let mut places = vec![];
        loop {
            let mut seen = 0;
            let done = scan.run(budget, |found| {
                places.push(found.place);
                seen += 1;
                if seen >= stop_after { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            });
            if done {
                return places;
            }
        }
    }

    proptest! {
        #[test]
        fn a_scan_is_a_sorted_range(
            blocks in prop::collection::vec(prop::collection::vec(0..50i64, 0..8), 0..6),
            from in 0..50i64, to in 0..60i64, budget in 1..9usize, stop in 1..9usize,
        ) {
            let sources = sources(&blocks);
            let (from, to) = (Position::new(from, 0), Position::new(to, 0));
            let all = sources.iter().flat_map(|source| source.block.iter().map(|event| event.place));
            let mut expected: Vec<Position> = all.filter(|place| (from..to).contains(place)).collect();
            expected.sort_unstable();
            prop_assert_eq!(&read(Scan::new(sources.clone(), from, to, Direction::Forward), budget, stop), &expected);
            expected.reverse();
            prop_assert_eq!(&read(Scan::new(sources, from, to, Direction::Backward), budget, stop), &expected);
        }
    }
}
