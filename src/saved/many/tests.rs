use super::*;
use crate::handles::breaker::Breaker;
use alloc::boxed::Box;
use alloc::format;
use alloc::vec;
use core::error::Error;

type Tested = Result<(), Box<dyn Error>>;

fn three() -> Result<SavedRegistry, Box<dyn Error>> {
    let mut saved = SavedRegistry::new();
    for key in ["", "eu", "\u{5317}\u{4eac}"] {
        let (_, controller) = Breaker::builder(key).build_with_controller()?;
        assert!(saved.insert(key, &controller.save()));
    }
    Ok(saved)
}

#[test]
fn bytes_are_read_again() -> Tested {
    for saved in [SavedRegistry::new(), three()?] {
        let bytes = saved.to_bytes();
        assert_eq!(SavedRegistry::from_bytes(&bytes)?, saved);
        assert!(check(&bytes)?.read().is_ok());
    }
    assert!(three()?.problems().is_empty());
    Ok(())
}

#[test]
fn whatever_was_cut_short_is_refused_as_such() -> Tested {
    let bytes = three()?.to_bytes();
    for end in 0..bytes.len() {
        let cut = SavedRegistry::from_bytes(&bytes[..end]);
        assert_eq!(cut, Err(SavedError::Truncated), "at {end}");
    }
    Ok(())
}

#[test]
fn whatever_was_changed_is_refused() -> Tested {
    let bytes = three()?.to_bytes();
    for at in 0..bytes.len() {
        for flip in [1, 0x80] {
            let mut changed = bytes.clone();
            changed[at] ^= flip;
            assert!(SavedRegistry::from_bytes(&changed).is_err(), "at {at}");
        }
    }
    let mut longer = bytes;
    longer.push(0);
    assert!(SavedRegistry::from_bytes(&longer).is_err());
    Ok(())
}

fn sealed(mut bytes: Vec<u8>) -> Vec<u8> {
    let checksum = crc32fast::hash(&bytes);
    bytes.extend_from_slice(&checksum.to_le_bytes());
    bytes
}

#[test]
fn what_only_looks_whole_is_refused() -> Tested {
    let bytes = three()?.to_bytes();
    let whole = &bytes[..bytes.len() - CHECKSUM];
    let at = |at: usize, word: u32| {
        let mut bytes = whole.to_vec();
        bytes[at..at + 4].copy_from_slice(&word.to_le_bytes());
        SavedRegistry::from_bytes(&sealed(bytes))
    };
    assert_eq!(at(8, 2), Err(SavedError::Version(2)));
    assert_eq!(at(8, 0), Err(SavedError::Version(0)));
    for number in [0, 2, 4, u32::MAX] {
        assert!(at(12, number).is_err(), "{number}");
    }
    assert_eq!(at(HEAD, u32::MAX), Err(SavedError::Truncated));
    // a key twice, and keys out of order
    let key = |key: &str| {
        let mut bytes = vec![];
        put_length(&mut bytes, key.len());
        bytes.extend_from_slice(key.as_bytes());
        bytes.extend_from_slice(&[0; 12]);
        bytes
    };
    for keys in [["a", "a"], ["b", "a"]] {
        let mut bytes = [&MAGIC[..], &VERSION.to_le_bytes(), &2_u32.to_le_bytes()].concat();
        keys.iter().for_each(|name| bytes.extend(key(name)));
        let read = SavedRegistry::from_bytes(&sealed(bytes));
        assert_eq!(read, Err(SavedError::Damaged));
    }
    assert_eq!(
        SavedRegistry::from_bytes(b"{}"),
        Err(SavedError::NotARegistry)
    );
    Ok(())
}

#[test]
fn a_bad_state_costs_no_other() -> Tested {
    let mut saved = three()?;
    let bytes: Arc<[u8]> = b"TRIPCOIL and so on"[..].into();
    let key: Arc<str> = "bad".into();
    saved.entries.insert(key, Entry { until: 7, bytes });
    let again = SavedRegistry::from_bytes(&saved.to_bytes())?;
    assert_eq!(again, saved);
    let problems = again.problems();
    assert_eq!((problems.len(), &*problems[0].0), (1, "bad"));
    assert!(again.get("bad").is_some_and(|state| state.is_err()));
    assert!(again.get("eu").is_some_and(|state| state.is_ok()));
    assert!(again.get("us").is_none());
    Ok(())
}

#[test]
fn a_state_is_kept_for_a_day_after_its_wait_and_a_forced_one_for_ever() -> Tested {
    let then = UNIX_EPOCH + Duration::from_secs(1_000_000);
    let hours = |n: u64| then + Duration::from_secs(n * 3600);
    let mut saved = SavedRegistry::new();
    let (_, closed) = Breaker::builder("closed").build_with_controller()?;
    saved.insert("closed", &closed.save_at(then));
    let (_, open) = Breaker::builder("open").build_with_controller()?;
    open.trip_for(Duration::from_secs(10 * 3600));
    saved.insert("open", &open.save_at(then));
    let (_, forced) = Breaker::builder("forced").build_with_controller()?;
    forced.force_open();
    saved.insert("forced", &forced.save_at(then));
    // the wall clock may have gone back
    assert_eq!(saved.expire(UNIX_EPOCH), 0);
    assert_eq!((saved.expire(hours(23)), saved.expire(hours(25))), (0, 1));
    assert_eq!((saved.expire(hours(33)), saved.expire(hours(35))), (0, 1));
    assert_eq!(saved.expire(hours(1_000_000)), 0);
    assert!(saved.keys().eq(["forced"]));
    saved.release();
    assert!(saved.is_empty());
    Ok(())
}

#[test]
fn those_beyond_a_million_that_expire_first_are_removed() {
    let bytes: Arc<[u8]> = [][..].into();
    let mut saved = SavedRegistry::new();
    for n in 0..MOST_WAITING as u64 + 10 {
        let until = match n {
            0..5 => u64::MAX,
            n => u64::MAX / 2 + n,
        };
        let bytes = bytes.clone();
        saved
            .entries
            .insert(format!("{n:08}").into(), Entry { until, bytes });
    }
    assert_eq!(saved.expire(UNIX_EPOCH), 10);
    let first: Vec<_> = saved.keys().take(6).map(str::to_string).collect();
    assert_eq!(first.len(), 6);
    assert_eq!((&*first[4], &*first[5]), ("00000004", "00000015"));
}
