//! The history of one breaker: how much of it at a time.

use crate::integrations::operate::answer::{Problem, Refusal, limit};

const LIMIT: usize = 100;

/// The query of a history.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) limit: usize,
    /// The generation that follows the last of the page.
    pub(super) before: u64,
    /// The breaker's, if the path has it not.
    name: Option<String>,
}

impl Page {
    /// Returns the query, or every problem of it.
    pub(super) fn parse(text: &str) -> Result<Page, Refusal> {
        let mut page = Page {
            limit: LIMIT,
            before: u64::MAX,
            name: None,
        };
        let mut problems = Vec::new();
        for (key, value) in form_urlencoded::parse(text.as_bytes()) {
            if let Err(expected) = page.put(&key, &value) {
                problems.push(Problem {
                    problem: format!("is {value:?}, but must be {expected}"),
                    field: key.into_owned(),
                });
            }
        }
        Refusal::query(problems)?;
        Ok(page)
    }

    /// Returns what is expected instead.
    fn put(&mut self, key: &str, value: &str) -> Result<(), &'static str> {
        match key {
            "limit" => self.limit = limit(value)?,
            "before" => self.before = value.parse().map_err(|_| "a generation")?,
            // the first, as in other queries
            "name" => {
                self.name.get_or_insert_with(|| value.to_owned());
            }
            _ => return Err("absent: the parameters are limit, before and name"),
        }
        Ok(())
    }

    /// The query of the page before that generation.
    pub(super) fn next(&self, before: u64) -> String {
        let mut next = form_urlencoded::Serializer::new(String::from("?"));
        next.append_pair("before", &before.to_string());
        next.append_pair("limit", &self.limit.to_string());
        if let Some(name) = &self.name {
            next.append_pair("name", name);
        }
        next.finish()
    }
}
