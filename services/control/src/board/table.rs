//! A sorted map of two levels, for a hundred thousand small values.
//!
//! A `BTreeMap` that is filled with ascending keys leaves its nodes half empty, and its smallest nodes are a kilobyte: of a
//! hundred thousand rows that was more room than the rows. Here a leaf has many entries and little room beside them. What
//! must never happen here: an order of iteration that depends on the order of insertion.

/// Entries of a leaf, at most.
const MOST: usize = 256;
/// Room that a leaf has beyond its entries, at most.
const ROOM: usize = 32;

#[derive(Debug)]
pub(super) struct Table<K, V> {
    /// Ascending over all leaves; none is empty.
    leaves: Vec<Vec<(K, V)>>,
}

/// Leaf, and place in it.
type Place = (usize, usize);

impl<K: Ord + Copy, V> Table<K, V> {
    pub(super) const fn new() -> Self {
        Table { leaves: Vec::new() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.leaves.is_empty()
    }

    pub(super) fn get(&self, key: &K) -> Option<&V> {
        let (leaf, place) = self.find(key).ok()?;
        self.leaves.get(leaf)?.get(place).map(|(_, value)| value)
    }

    pub(super) fn contains(&self, key: &K) -> bool {
        self.find(key).is_ok()
    }

    /// The first entry's key.
    pub(super) fn first(&self) -> Option<&K> {
        self.keys().next()
    }

    /// In the order of keys.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.leaves.iter().flatten().map(|(key, value)| (key, value))
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = &K> {
        self.iter().map(|(key, _)| key)
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &V> {
        self.iter().map(|(_, value)| value)
    }

    /// In place of what was there.
    pub(super) fn insert(&mut self, key: K, value: V) {
        match self.find(&key) {
            Ok((leaf, place)) => self.leaves[leaf][place].1 = value,
            Err(at) => drop(self.put(at, (key, value))),
        }
    }

    /// What is there; this, where nothing is.
    pub(super) fn or_insert(&mut self, key: K, value: V) -> &mut V {
        let (leaf, place) = match self.find(&key) {
            Ok(found) => found,
            Err(at) => self.put(at, (key, value)),
        };
        &mut self.leaves[leaf][place].1
    }

    pub(super) fn remove(&mut self, key: &K) -> Option<V> {
        let (leaf, place) = self.find(key).ok()?;
        let entries = self.leaves.get_mut(leaf)?;
        let (_, value) = entries.remove(place);
        if entries.is_empty() {
            self.leaves.remove(leaf);
        } else if entries.capacity() > 2 * entries.len() + ROOM {
            entries.shrink_to(entries.len() + ROOM / 2);
        }
        Some(value)
    }

    /// Where it is, or where it would come to be.
    fn find(&self, key: &K) -> Result<Place, Place> {
        let not_behind = |leaf: &Vec<(K, V)>| leaf.first().is_some_and(|(first, _)| first <= key);
        // What is smaller than everything belongs to the first leaf.
        let leaf = self.leaves.partition_point(not_behind).saturating_sub(1);
        let entries = self.leaves.get(leaf).map_or(&[][..], Vec::as_slice);
        let place = entries.binary_search_by(|(known, _)| known.cmp(key));
        place.map(|place| (leaf, place)).map_err(|place| (leaf, place))
    }

    fn put(&mut self, (leaf, place): Place, entry: (K, V)) -> Place {
        let count = self.leaves.len();
        let Some(entries) = self.leaves.get_mut(leaf) else {
            self.leaves.push(vec![entry]);
            return (leaf, 0);
        };
        if entries.len() < MOST {
            put_into(entries, place, entry);
            return (leaf, place);
        }
        // Keys that ascend leave full leaves behind.
        let cut = if leaf + 1 == count && place == MOST { MOST } else { MOST / 2 };
        let mut behind = entries.split_off(cut);
        entries.shrink_to_fit();
        let at = if place < cut {
            put_into(entries, place, entry);
            (leaf, place)
        } else {
            put_into(&mut behind, place - cut, entry);
            (leaf + 1, place - cut)
        };
        self.leaves.insert(leaf + 1, behind);
        at
    }
}

fn put_into<T>(entries: &mut Vec<T>, place: usize, entry: T) {
    if entries.len() == entries.capacity() {
        entries.reserve_exact(ROOM);
    }
    entries.insert(place, entry);
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// The same numbers every time, in no order.
    fn scattered(count: u64) -> impl Iterator<Item = u64> {
        (0..count).map(nth)
    }

    fn nth(number: u64) -> u64 {
        number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 44
    }

    fn agree(table: &Table<u64, u64>, map: &BTreeMap<u64, u64>) {
        assert!(table.iter().eq(map.iter()));
        assert!(table.leaves.iter().all(|leaf| (1..=MOST).contains(&leaf.len())));
        assert_eq!((table.first(), table.is_empty()), (map.keys().next(), map.is_empty()));
    }

    #[test]
    fn it_holds_what_a_map_holds_in_the_same_order_whatever_is_put_in_and_taken_out() {
        let (mut table, mut map) = (Table::new(), BTreeMap::new());
        for (turn, key) in (0..).zip(scattered(20_000)) {
            if turn % 3 == 2 {
                let earlier = nth(turn / 2);
                assert_eq!(table.remove(&earlier), map.remove(&earlier));
            }
            if turn % 5 == 4 {
                *table.or_insert(key, 0) += turn;
                *map.entry(key).or_insert(0) += turn;
            } else {
                table.insert(key, turn);
                map.insert(key, turn);
            }
            assert_eq!(table.get(&key), map.get(&key));
            assert_eq!(table.contains(&(key + 1)), map.contains_key(&(key + 1)));
        }
        agree(&table, &map);
        for key in scattered(20_000) {
            assert_eq!(table.remove(&key), map.remove(&key));
            assert_eq!(table.get(&key), None);
        }
        agree(&table, &map);
        assert!(table.is_empty());
    }

    #[test]
    fn leaves_are_full_where_keys_ascend_and_never_have_much_room_beside_their_entries() {
        let room = |table: &Table<u64, u64>| -> usize { table.leaves.iter().map(Vec::capacity).sum() };
        let mut ascending = Table::new();
        (0..10_240).for_each(|key| ascending.insert(key, key));
        assert_eq!((ascending.leaves.len(), room(&ascending)), (40, 10_240));
        let mut odd = Table::new();
        scattered(10_240).for_each(|key| odd.insert(key, key));
        let count = odd.iter().count();
        assert!(room(&odd) <= count + odd.leaves.len() * ROOM, "{} for {count}", room(&odd));
        for key in scattered(10_240).filter(|key| key % 8 > 0) {
            odd.remove(&key);
        }
        let count = odd.iter().count();
        assert!(room(&odd) <= 2 * count + odd.leaves.len() * ROOM, "{} for {count}", room(&odd));
    }
}
