//! Blocks of events: some events of one stream as one row. What one PutLogEvents brings is a block; when a stream has collected a number of
//! blocks of like size they become one, so that many small writes are few rows. Deliberately no retention and no clock.

use serde::{Deserialize, Deserializer, Serialize, Serializer, ser::SerializeSeq};
use std::borrow::Cow;

/// So many blocks of like size become one.
pub const BLOCKS_TO_MERGE: usize = 16;
/// A block is not merged beyond so many bytes of text.
const LARGEST_TEXT: usize = 512 * 1024;

/// Where an event is in its group: no two events have the same place, and a reader sees events in this order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Position {
    /// The event's own time, in milliseconds.
    pub time: i64,
    /// The number that the group gave it.
    pub number: u64,
}

impl Position {
    pub const LAST: Position = Position { time: i64::MAX, number: u64::MAX };

    pub fn new(time: i64, number: u64) -> Position {
        Position { time, number }
    }

    /// The place directly after this one.
    pub fn after(self) -> Position {
        match self.number.checked_add(1) {
            Some(number) => Position { number, ..self },
            None => Position { time: self.time.saturating_add(1), number: 0 },
        }
    }

    /// The place directly before this one.
    pub fn before(self) -> Position {
        match self.number.checked_sub(1) {
            Some(number) => Position { number, ..self },
            None => Position { time: self.time.saturating_sub(1), number: u64::MAX },
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    time: i64,
    /// The event's number, counted from the block's first.
    number: u32,
    /// Where its text ends.
    end: u32,
}

/// Events of one stream, in the order of their places.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    first_number: u64,
    /// From which number on events were ingested when.
    ingested: Vec<(u32, i64)>,
    entries: Vec<Entry>,
    text: Box<str>,
}

/// An event of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventView<'b> {
    pub place: Position,
    pub ingested: i64,
    pub message: &'b str,
}

impl Block {
    /// The events of one write, in the order of their times. `None`: there are none.
    pub fn of<'e>(first_number: u64, ingested: i64, events: impl IntoIterator<Item = (i64, &'e str)>) -> Option<Block> {
        let (mut entries, mut text) = (Vec::new(), String::new());
        for (time, message) in events {
            text.push_str(message);
            entries.push(Entry { time, number: u32::try_from(entries.len()).ok()?, end: u32::try_from(text.len()).ok()? });
        }
        (!entries.is_empty()).then(|| Block { first_number, ingested: vec![(0, ingested)], entries, text: text.into() })
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn text_len(&self) -> usize {
        self.text.len()
    }

    /// The number after the last one.
    pub fn next_number(&self) -> u64 {
        self.entries.iter().map(|entry| self.first_number + u64::from(entry.number) + 1).max().unwrap_or(self.first_number)
    }

    pub fn first_number(&self) -> u64 {
        self.first_number
    }

    pub fn first(&self) -> Position {
        self.place(0).unwrap_or_default()
    }

    pub fn last(&self) -> Position {
        self.place(self.entries.len().wrapping_sub(1)).unwrap_or_default()
    }

    #[inline]
    pub fn place(&self, index: usize) -> Option<Position> {
        let entry = self.entries.get(index)?;
        Some(Position { time: entry.time, number: self.first_number + u64::from(entry.number) })
    }

    #[inline]
    pub fn message(&self, index: usize) -> Option<&str> {
        let entry = self.entries.get(index)?;
        let start = index.checked_sub(1).and_then(|before| self.entries.get(before)).map_or(0, |before| before.end);
        self.text.get(start as usize..entry.end as usize)
    }

    pub fn event(&self, index: usize) -> Option<EventView<'_>> {
        let entry = self.entries.get(index)?;
        let batch = self.ingested.partition_point(|(number, _)| *number <= entry.number);
        let ingested = batch.checked_sub(1).and_then(|batch| self.ingested.get(batch)).map_or(0, |(_, time)| *time);
        Some(EventView { place: self.place(index)?, ingested, message: self.message(index)? })
    }

    pub fn iter(&self) -> impl Iterator<Item = EventView<'_>> {
        (0..self.len()).filter_map(|index| self.event(index))
    }

    /// The index of the first event at or after a place.
    pub fn index_from(&self, place: Position) -> usize {
        self.entries.partition_point(|entry| Position { time: entry.time, number: self.first_number + u64::from(entry.number) } < place)
    }

    /// Blocks of one level are of like size.
    pub fn level(&self) -> u32 {
        self.len().checked_ilog2().unwrap_or(0) / BLOCKS_TO_MERGE.ilog2()
    }

    /// One block of several of the same stream, in the order of their numbers. `None`: it would be too large.
    pub fn merged(blocks: &[&Block]) -> Option<Block> {
        let first_number = blocks.iter().map(|block| block.first_number).min()?;
        if blocks.iter().map(|block| block.text.len()).sum::<usize>() > LARGEST_TEXT {
            return None;
        }
        let number = |block: &Block, number: u32| u32::try_from(block.first_number - first_number + u64::from(number)).ok();
        let mut events = Vec::with_capacity(blocks.iter().map(|block| block.len()).sum());
        let mut ingested = Vec::with_capacity(blocks.len());
        for block in blocks {
            for (from, time) in &block.ingested {
                ingested.push((number(block, *from)?, *time));
            }
            for (index, entry) in block.entries.iter().enumerate() {
                events.push((entry.time, number(block, entry.number)?, block.message(index)?));
            }
        }
        ingested.sort_unstable();
        ingested.dedup_by_key(|(_, time)| *time);
        events.sort_unstable_by_key(|(time, number, _)| (*time, *number));
        Block::from_events(first_number, ingested, events)
    }

    fn from_events<T: AsRef<str>>(first_number: u64, ingested: Vec<(u32, i64)>, events: Vec<(i64, u32, T)>) -> Option<Block> {
        let mut text = String::with_capacity(events.iter().map(|(_, _, message)| message.as_ref().len()).sum());
        let mut entries = Vec::with_capacity(events.len());
        for (time, number, message) in &events {
            text.push_str(message.as_ref());
            entries.push(Entry { time: *time, number: *number, end: u32::try_from(text.len()).ok()? });
        }
        Some(Block { first_number, ingested, entries, text: text.into() })
    }
}

/// In a row: the first number, the batches, and the events as times, numbers and texts.
#[derive(Serialize, Deserialize)]
struct StoredBlock<E> {
    #[serde(rename = "n")]
    first_number: u64,
    #[serde(rename = "i")]
    ingested: Vec<(u32, i64)>,
    #[serde(rename = "e")]
    events: E,
}

/// The events of a block, written without a copy of them.
struct Events<'b>(&'b Block);

impl Serialize for Events<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut list = to.serialize_seq(Some(self.0.len()))?;
        for (index, entry) in self.0.entries.iter().enumerate() {
            list.serialize_element(&(entry.time, entry.number, self.0.message(index).unwrap_or_default()))?;
        }
        list.end()
    }
}

impl Serialize for Block {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        StoredBlock { first_number: self.first_number, ingested: self.ingested.clone(), events: Events(self) }.serialize(to)
    }
}

impl<'de> Deserialize<'de> for Block {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let stored = StoredBlock::<Vec<(i64, u32, Cow<'de, str>)>>::deserialize(from)?;
        Block::from_events(stored.first_number, stored.ingested, stored.events).ok_or_else(|| serde::de::Error::custom("a block that is too large"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(block: &Block) -> Vec<(i64, i64, &str)> {
        block.iter().map(|event| (event.place.time, event.ingested, event.message)).collect()
    }

    #[test]
    fn merged_blocks_are_in_the_order_of_their_times_and_know_when_they_came() {
        let one = Block::of(7, 100, [(10, "a"), (30, "c\"\n")]).unwrap();
        let other = Block::of(20, 200, [(20, "b"), (30, "d")]).unwrap();
        let merged = Block::merged(&[&one, &other]).unwrap();
        assert_eq!(messages(&merged), [(10, 100, "a"), (20, 200, "b"), (30, 100, "c\"\n"), (30, 200, "d")]);
        assert_eq!((merged.first(), merged.last()), (Position::new(10, 7), Position::new(30, 21)));
        assert_eq!((merged.index_from(Position::new(30, 0)), merged.index_from(Position::new(30, 9)), merged.next_number()), (2, 3, 22));
        let text = serde_json::to_string(&merged).unwrap();
        assert_eq!(serde_json::from_str::<Block>(&text).unwrap(), merged, "{text}");
        assert_eq!(text, r#"{"n":7,"i":[[0,100],[13,200]],"e":[[10,0,"a"],[20,13,"b"],[30,1,"c\"\n"],[30,14,"d"]]}"#);
    }

    #[test]
    fn no_block_is_empty_or_grows_without_bound() {
        assert!(Block::of(0, 0, []).is_none());
        let large = Block::of(0, 0, [(0, "x".repeat(LARGEST_TEXT).as_str())]).unwrap();
        assert!(Block::merged(&[&large, &Block::of(1, 0, [(0, "y")]).unwrap()]).is_none());
    }

    #[test]
    fn a_place_has_neighbours() {
        assert_eq!(Position::new(5, u64::MAX).after(), Position::new(6, 0));
        assert_eq!(Position::new(5, 0).before(), Position::new(4, u64::MAX));
        assert_eq!(Position::new(5, 7).after().before(), Position::new(5, 7));
    }
}
