//! Which setting was probably meant, and how to print names safely.

use alloc::borrow::Cow;
use alloc::format;

/// Names from other libraries, and their names here.
const ELSEWHERE: [(&str, &str); 3] = [
    ("half_open_rate", "half_open_failure_rate"),
    ("window_size", "window_count"),
    ("size", "count"),
];

/// Returns the setting nearest to an unknown name, if one is near: a misspelt name, or one that
/// lacks the words before or after it (`successes`, `buckets`).
pub(crate) fn nearest<'a>(
    unknown: &str,
    known: impl Iterator<Item = &'a str> + Clone,
) -> Option<&'a str> {
    let unknown = plain(unknown);
    let distance = |name: &str| strsim::osa_distance(&unknown, &plain(name));
    let elsewhere = ELSEWHERE.iter().filter_map(|(word, ours)| {
        let name = known.clone().find(|name| plain(name) == *ours)?;
        Some((*word, name))
    });
    let misspelt = (known.clone().map(|name| (name, name)))
        .chain(elsewhere)
        .map(|(word, name)| (distance(word), word, name))
        .filter(|(distance, word, _)| *distance <= word.len().max(unknown.len()) / 3)
        .map(|(distance, _, name)| (distance, name))
        .min_by_key(|(distance, _)| *distance);
    let shortened = || {
        known.into_iter().find(|name| {
            let name = plain(name);
            let rest = name
                .strip_suffix(&*unknown)
                .map(|before| before.ends_with('_'))
                .or_else(|| {
                    name.strip_prefix(&*unknown)
                        .map(|after| after.starts_with('_'))
                });
            rest == Some(true)
        })
    };
    misspelt.map(|(_, name)| name).or_else(shortened)
}

/// Spelt as a field is.
fn plain(name: &str) -> alloc::string::String {
    let name = name.trim_matches(['_', '-', '.']);
    name.to_lowercase().replace(['-', '.'], "_")
}

/// Returns the name as it is, or quoted and escaped: a name from outside must not forge a line.
pub(crate) fn printable(name: &str) -> Cow<'_, str> {
    let harmless = |c: char| c.is_ascii_alphanumeric() || "_-.*".contains(c);
    if !name.is_empty() && name.chars().all(harmless) {
        name.into()
    } else {
        quoted(name).into()
    }
}

/// Returns a value from outside: quoted, escaped, and cut to a limit.
pub(crate) fn quoted(value: &str) -> alloc::string::String {
    const MOST: usize = 100;
    match value.char_indices().nth(MOST) {
        Some((end, _)) => format!("{:?}...", &value[..end]),
        None => format!("{value:?}"),
    }
}

#[cfg(test)]
mod tests;
