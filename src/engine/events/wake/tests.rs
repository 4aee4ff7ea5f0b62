use super::*;

const MANY: usize = 4_000;

fn readers() -> Vec<Entry> {
    let reader = |_| Entry::Reader(Arc::new(Counter::new(0)));
    (0..MANY).map(reader).collect()
}

/// How many pointers the list has copied from the one before it.
fn copied(before: &List, after: &List) -> usize {
    let fresh = after.buckets.iter().filter(|bucket| {
        let shared = |old: &Arc<_>| Arc::ptr_eq(old, bucket);
        !before.buckets.iter().any(shared)
    });
    after.buckets.len() + fresh.map(|bucket| bucket.len()).sum::<usize>()
}

#[test]
fn a_change_among_many_listeners_copies_few() {
    let entries = readers();
    let mut list = List::of(vec![entries[0].clone()], 1);
    let (mut sum, mut most) = (0, 0);
    for entry in &entries[1..] {
        let next = list.with(entry);
        sum += copied(&list, &next);
        list = next;
    }
    assert_eq!((list.count, list.iter().count()), (MANY, MANY));
    for entry in &entries[..MANY - 1] {
        let Some(next) = list.without(entry) else {
            unreachable!("not the last");
        };
        let copied = copied(&list, &next);
        sum += copied;
        most = most.max(copied);
        list = next;
    }
    assert!(list.iter().all(|entry| entry.is(&entries[MANY - 1])));
    assert!(list.without(&entries[MANY - 1]).is_none());
    // a list in one piece copies 4,000 on average
    assert!(sum < 2 * MANY * 300, "{sum} pointers");
    assert!(most < 800, "{most} pointers at once");
}

#[test]
fn who_is_not_listed_is_removed_without_a_trace() {
    let entries = readers();
    let listeners = Listeners::default();
    listeners.remove(&entries[0]);
    assert!(listeners.0.load().is_none());
    listeners.add(entries[0].clone());
    listeners.remove(&entries[1]);
    assert_eq!(listeners.0.load().as_ref().map(|list| list.count), Some(1));
    listeners.remove(&entries[0]);
    assert!(listeners.0.load().is_none());
}
