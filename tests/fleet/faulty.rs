//! A store that fails as it is asked to.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::sleep;
use tripcoil::fleet::{
    Answer, Change, ChangeSender, Changes, Down, MemoryStore, Reason, Report, Store, Word,
};

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    Refused,
    Denied,
    ReadOnly,
    /// It takes 350 ms.
    Slow,
    /// It never answers.
    Hangs,
    /// It has one answer too few, or too many.
    TooFew,
    TooMany,
    /// Its client panics while it is polled.
    Panics,
    /// Its answers are those of a store of whose data nothing is right.
    Garbage,
    /// It says again what it said when this began: down, with an older number.
    Stale,
    /// Words cannot be read, and all else can.
    WordsDenied,
    /// It pushes without end.
    Floods,
}

impl Fault {
    /// Those in which nothing can be got from the store.
    pub(crate) const DOWN: [Fault; 7] = [
        Fault::Refused,
        Fault::Denied,
        Fault::ReadOnly,
        Fault::Hangs,
        Fault::TooFew,
        Fault::TooMany,
        Fault::Panics,
    ];
}

#[derive(Clone)]
pub(crate) struct Faulty {
    shared: Arc<Shared>,
}

struct Shared {
    inner: Mutex<MemoryStore>,
    changes: ChangeSender,
    fault: Mutex<Fault>,
    pushes: Mutex<bool>,
    exchanges: AtomicUsize,
    reports: AtomicUsize,
    readings: AtomicUsize,
}

impl Default for Faulty {
    fn default() -> Self {
        let faulty = Faulty {
            shared: Arc::new(Shared {
                inner: Mutex::new(MemoryStore::new()),
                changes: ChangeSender::new(),
                fault: Mutex::new(Fault::None),
                pushes: Mutex::new(true),
                exchanges: AtomicUsize::new(0),
                reports: AtomicUsize::new(0),
                readings: AtomicUsize::new(0),
            }),
        };
        faulty.forward();
        faulty
    }
}

impl Faulty {
    /// Passes on what the store inside sends.
    fn forward(&self) {
        let (faulty, mut from) = (self.clone(), self.inner().changes("checkout"));
        tokio::spawn(async move {
            loop {
                let change = from.next().await;
                let pushes = *faulty.shared.pushes.lock().expect("unpoisoned");
                if pushes && !Fault::DOWN.contains(&faulty.fault()) {
                    faulty.shared.changes.send(change);
                }
            }
        });
    }

    pub(crate) fn inner(&self) -> MemoryStore {
        self.shared.inner.lock().expect("unpoisoned").clone()
    }

    /// It has lost all data, and its clients have connected again.
    pub(crate) fn lose(&self) {
        *self.shared.inner.lock().expect("unpoisoned") = MemoryStore::new();
        self.forward();
        self.shared.changes.send(Change::Unknown);
    }

    pub(crate) fn set(&self, fault: Fault) {
        *self.shared.fault.lock().expect("unpoisoned") = fault;
        if fault == Fault::None {
            self.shared.changes.send(Change::Unknown);
        }
        if fault == Fault::Floods {
            let faulty = self.clone();
            tokio::spawn(async move {
                while faulty.fault() == Fault::Floods {
                    for _ in 0..1_000 {
                        faulty.shared.changes.send(Change::Unknown);
                    }
                    sleep(Duration::from_millis(1)).await;
                }
            });
        }
    }

    /// Whether changes are pushed.
    pub(crate) fn set_pushes(&self, pushes: bool) {
        *self.shared.pushes.lock().expect("unpoisoned") = pushes;
    }

    fn fault(&self) -> Fault {
        *self.shared.fault.lock().expect("unpoisoned")
    }

    pub(crate) fn exchanges(&self) -> usize {
        self.shared.exchanges.load(SeqCst)
    }

    pub(crate) fn reports(&self) -> usize {
        self.shared.reports.load(SeqCst)
    }

    pub(crate) fn readings(&self) -> usize {
        self.shared.readings.load(SeqCst)
    }

    async fn failing(&self) -> Result<(), Down> {
        let reason = match self.fault() {
            Fault::Refused => Reason::Unreachable,
            Fault::Denied => Reason::Denied,
            Fault::ReadOnly => Reason::ReadOnly,
            Fault::Hangs => return std::future::pending().await,
            Fault::Panics => panic!("a client with a fault"),
            _ => return Ok(()),
        };
        Err(Down::new(reason, "by the test"))
    }
}

impl Store for Faulty {
    async fn exchange(&self, fleet: &str, reports: &[Report]) -> Result<Vec<Answer>, Down> {
        self.shared.exchanges.fetch_add(1, SeqCst);
        self.shared.reports.fetch_add(reports.len(), SeqCst);
        self.failing().await?;
        if self.fault() == Fault::Slow {
            sleep(Duration::from_millis(350)).await;
        }
        let mut answers = self.inner().exchange(fleet, reports).await?;
        match self.fault() {
            Fault::TooFew => answers.truncate(answers.len() - 1),
            Fault::TooMany => answers.push(answers[0]),
            Fault::Garbage => {
                for (n, answer) in answers.iter_mut().enumerate() {
                    *answer = Answer {
                        now: [0, u64::MAX][n % 2],
                        down: true,
                        seq: 0,
                        lease: Some(u64::MAX),
                        votes: u64::MAX,
                    };
                }
            }
            Fault::Stale => {
                for answer in &mut answers {
                    let old = Answer {
                        down: !answer.down,
                        seq: answer.seq.min(1),
                        lease: Some(1),
                        ..*answer
                    };
                    *answer = old;
                }
            }
            _ => {}
        }
        Ok(answers)
    }

    async fn words(&self, fleet: &str) -> Result<Vec<Word>, Down> {
        self.shared.readings.fetch_add(1, SeqCst);
        self.failing().await?;
        match self.fault() {
            Fault::WordsDenied => Err(Down::new(Reason::Denied, "no permission for words")),
            _ => self.inner().words(fleet).await,
        }
    }

    async fn say(&self, fleet: &str, word: &Word) -> Result<Word, Down> {
        self.inner().say(fleet, word).await
    }

    fn changes(&self, _: &str) -> Changes {
        self.shared.changes.changes()
    }
}
