//! The settings in force, and those that follow them.

use crate::config::{NamedSettings, SettingsError};
use crate::error::caught::caught;
use crate::integrations::live::follow::{Follow, Found, One};
use crate::integrations::live::reload::{Reload, ReloadError};
use crate::{Breaker, Builder, ConfigError, Controller};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

type Refine = dyn Fn(NamedSettings) -> Result<NamedSettings, SettingsError> + Send + Sync;

/// Settings that breakers follow. Clones share them. See the [module](crate::live).
#[derive(Clone)]
pub struct Live {
    pub(super) shared: Arc<Shared>,
}

pub(super) struct Shared {
    path: Option<PathBuf>,
    refine: Box<Refine>,
    /// Held only to read or replace the pointer.
    settings: Mutex<Arc<NamedSettings>>,
    /// Held by the reload under way, from the reading of the file on: an older text never replaces a later one.
    pub(super) looked: Mutex<Looked>,
    /// Held while settings are applied.
    pub(super) followers: Mutex<Vec<Box<dyn Follow>>>,
}

#[derive(Default)]
pub(super) struct Looked {
    /// The text read last; `None` if it could not be read.
    text: Option<String>,
    /// What became of it was a panic, which may not come again.
    again: bool,
}

impl Looked {
    /// Whether that text is to be read.
    pub(super) fn is_news(&self, text: Option<&String>) -> bool {
        self.again || self.text.as_ref() != text
    }
}

pub(super) fn locked<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    // whatever panics under it is the user's, and leaves it whole
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Live {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Live")
            .field("path", &self.shared.path)
            .finish_non_exhaustive()
    }
}

impl Live {
    /// Reads the file, which has to be there and to be right: there are no earlier rules.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`NamedSettings::read`].
    pub fn open(path: impl Into<PathBuf>) -> Result<Live, SettingsError> {
        Live::open_with(path, Ok)
    }

    /// Reads the file as [`open`](Self::open) does, and refines its settings, now and at each reload: by variables of
    /// the environment, for example.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`NamedSettings::read`], and those of `refine`.
    ///
    /// ```
    /// use tripcoil::live::Live;
    ///
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("breakers.toml");
    /// # std::fs::write(&path, "[default]\n")?;
    /// let live = Live::open_with(path, |settings| settings.with_env("TRIPCOIL_EXAMPLE"))?;
    /// # let _ = live;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn open_with(
        path: impl Into<PathBuf>,
        refine: impl Fn(NamedSettings) -> Result<NamedSettings, SettingsError> + Send + Sync + 'static,
    ) -> Result<Live, SettingsError> {
        let path = path.into();
        // the process may change its folder later
        let path = std::path::absolute(&path).unwrap_or(path);
        let text = NamedSettings::text_of(&path)?;
        let settings = refine(NamedSettings::parse_file(&text, &path)?)?;
        Ok(Live::of(Some(path), Box::new(refine), settings, Some(text)))
    }

    /// Begins with settings that are from elsewhere, and are replaced by [`replace`](Self::replace).
    ///
    /// ```
    /// use tripcoil::live::Live;
    ///
    /// let live = Live::new("[default]\nfailure_rate = 0.5\n".parse()?);
    /// let (search, _controller) = live.build("search")?;
    /// let reload = live.replace("[default]\nfailure_rate = 0.4\n".parse()?)?;
    /// assert_eq!(reload.changed, ["search"]);
    /// assert_eq!(search.observer().config().failure_rate, Some(0.4));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn new(settings: NamedSettings) -> Live {
        Live::of(None, Box::new(Ok), settings, None)
    }

    fn of(
        path: Option<PathBuf>,
        refine: Box<Refine>,
        settings: NamedSettings,
        text: Option<String>,
    ) -> Live {
        let looked = Looked { text, again: false };
        Live {
            shared: Arc::new(Shared {
                path,
                refine,
                settings: Mutex::new(Arc::new(settings)),
                looked: Mutex::new(looked),
                followers: Mutex::default(),
            }),
        }
    }

    /// Returns the path of the file, if the settings are from one.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        self.shared.path.as_deref()
    }

    /// Returns the settings in force.
    #[must_use]
    pub fn settings(&self) -> Arc<NamedSettings> {
        locked(&self.shared.settings).clone()
    }

    /// Builds the breaker of that name with the settings in force. It follows them from then on, and is kept, until
    /// [`unfollow`](Self::unfollow).
    ///
    /// # Errors
    ///
    /// Returns every problem of the configuration; see [`Config::validate`](crate::Config::validate).
    pub fn build(&self, name: &str) -> Result<(Breaker, Arc<Controller>), ConfigError> {
        self.build_with(name, |builder| builder)
    }

    /// Builds the breaker as [`build`](Self::build) does, after changes that are not in the file: a classifier, a clock, a
    /// saved state. Rules that are set here last until a reload is about this breaker.
    ///
    /// # Errors
    ///
    /// Returns every problem of the configuration; see [`Config::validate`](crate::Config::validate).
    ///
    /// ```
    /// use tripcoil::Outcome;
    /// use tripcoil::live::Live;
    ///
    /// let live = Live::new("[default]\nconsecutive_failures = 1\n".parse()?);
    /// let (search, _controller) = live.build_with("search", |builder| {
    ///     builder.classifier(|_: &Result<(), ()>| Outcome::Ignored)
    /// })?;
    /// assert!(search.call(|| Err(())).is_err());
    /// assert!(search.try_acquire().is_ok());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn build_with<C>(
        &self,
        name: &str,
        change: impl FnOnce(Builder) -> Builder<C>,
    ) -> Result<(Breaker<C>, Arc<Controller>), ConfigError> {
        // the user's code, and so outside the lock
        let before = self.settings();
        let builder = change(Breaker::builder(name).config(before.get(name).clone()));
        let (breaker, controller) = builder.build_with_controller()?;
        let controller = Arc::new(controller);
        let mut followers = locked(&self.shared.followers);
        let now = self.settings();
        if now.get(name) != before.get(name) {
            // a reload has come between
            let rules = now.get(name).clone();
            controller.reconfigure(|all| all.config(rules))?;
        }
        followers.push(Box::new(One {
            name: name.into(),
            controller: controller.clone(),
            has: now,
        }));
        Ok((breaker, controller))
    }

    /// Lets a breaker that was built elsewhere follow the settings of that name: now, and at each reload. It is
    /// followed until [`unfollow`](Self::unfollow).
    ///
    /// # Errors
    ///
    /// Returns every problem of the resulting rules. The breaker then keeps its own, and does not follow.
    ///
    /// ```
    /// use tripcoil::Breaker;
    /// use tripcoil::live::Live;
    ///
    /// let live = Live::new("[default]\nfailure_rate = 0.4\n".parse()?);
    /// let (search, controller) = Breaker::builder("search").build_with_controller()?;
    /// live.follow("search", controller)?; // an Arc<Controller> works too
    /// assert_eq!(search.observer().config().failure_rate, Some(0.4));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn follow(
        &self,
        name: &str,
        controller: impl Into<Arc<Controller>>,
    ) -> Result<(), ConfigError> {
        let mut followers = locked(&self.shared.followers);
        let has = self.settings();
        let rules = has.get(name).clone();
        let controller = controller.into();
        controller.reconfigure(|now| now.config(rules))?;
        followers.push(Box::new(One {
            name: name.into(),
            controller,
            has,
        }));
        Ok(())
    }

    /// Ends the following of that name. Returns how many breakers had followed it. They keep their rules.
    ///
    /// ```
    /// use tripcoil::live::Live;
    ///
    /// let live = Live::new("[default]\n".parse()?);
    /// let (_search, _controller) = live.build("search")?;
    /// assert_eq!((live.unfollow("search"), live.unfollow("search")), (1, 0));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn unfollow(&self, name: &str) -> usize {
        let mut followers = locked(&self.shared.followers);
        let before = followers.len();
        followers.retain(|one| !one.is(name));
        before - followers.len()
    }

    /// Returns the names of the breakers in use that do not have the settings in force, in their order: those of
    /// [`Reload::refused`] and [`Reload::panicked`], and keys of a registry that were first used since and are
    /// built by earlier settings, because they refuse these.
    ///
    /// ```
    /// use tripcoil::live::Live;
    /// use tripcoil::registry::Registry;
    /// use tripcoil::{Breaker, Window};
    ///
    /// # #[cfg(feature = "registry")]
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let live = Live::new("[default]\n".parse()?);
    /// let (registry, controller) = Registry::builder(|key: &String| Breaker::builder(key.as_str())).build_with_controller();
    /// live.follow_registry(controller, |key: &String, settings| {
    ///     Breaker::builder(key.as_str()).config(settings.get(key).clone()).window(Window::count(20))
    /// })
    /// .map_err(|refused| refused[0].clone())?;
    ///
    /// // its outage rule needs a time window
    /// live.replace("[default]\nprofile = \"http\"\n".parse()?)?;
    /// registry.call("eu", || Ok::<_, std::io::Error>(()))?;
    /// assert_eq!(live.behind(), ["eu"]);
    /// # Ok(())
    /// # }
    /// # #[cfg(not(feature = "registry"))]
    /// # fn main() {}
    /// ```
    #[must_use]
    pub fn behind(&self) -> Vec<String> {
        let followers = locked(&self.shared.followers);
        let in_force = self.settings();
        let mut names = Vec::new();
        followers
            .iter()
            .for_each(|one| one.behind(&in_force, &mut names));
        names.sort();
        names.dedup();
        names
    }

    /// Reads the file, and applies what has changed: all of it, or nothing. It blocks its thread while the file is
    /// read, and no call.
    ///
    /// What cannot be known before the first rule changes is in the [`Reload`]: see [`Reload::refused`] and
    /// [`Reload::panicked`].
    ///
    /// # Errors
    ///
    /// Returns why nothing was applied.
    pub fn reload(&self) -> Result<Reload, ReloadError> {
        let path = self.path().ok_or(ReloadError::NoFile)?;
        let mut looked = locked(&self.shared.looked);
        let text = NamedSettings::text_of(path);
        self.take(&mut looked, text)
    }

    /// Reads the file, and reloads if its text is another than at the last look. Returns `None` if it is the same, or if
    /// there is no file. For a task of your own, once per second for example. What is wrong is
    /// returned once, and not again until the text changes; only a panic of `refine` is, because the same text is
    /// tried again.
    ///
    /// ```
    /// use tripcoil::live::Live;
    ///
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("breakers.toml");
    /// # std::fs::write(&path, "[default]\n")?;
    /// let live = Live::open(&path)?;
    /// assert!(live.poll().is_none());
    /// std::fs::write(&path, "[defualt]\n")?;
    /// assert!(live.poll().is_some_and(|reload| reload.is_err()));
    /// assert!(live.poll().is_none());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn poll(&self) -> Option<Result<Reload, ReloadError>> {
        let path = self.path()?;
        let mut looked = locked(&self.shared.looked);
        let text = NamedSettings::text_of(path);
        let news = looked.is_news(text.as_ref().ok());
        news.then(|| self.take(&mut looked, text))
    }

    /// Replaces the settings by others: all of them, or nothing.
    ///
    /// # Errors
    ///
    /// Returns why nothing was applied.
    pub fn replace(&self, settings: NamedSettings) -> Result<Reload, ReloadError> {
        let mut followers = locked(&self.shared.followers);
        self.apply(&mut followers, settings)
    }

    fn take(
        &self,
        looked: &mut Looked,
        text: Result<String, SettingsError>,
    ) -> Result<Reload, ReloadError> {
        looked.text = text.as_ref().ok().cloned();
        looked.again = false;
        let path = self.path().ok_or(ReloadError::NoFile)?;
        let read = NamedSettings::parse_file(&text?, path)?;
        let Some(settings) = caught(|| (self.shared.refine)(read)) else {
            looked.again = true;
            return Err(ReloadError::RefinePanicked);
        };
        let settings = settings?;
        let mut followers = locked(&self.shared.followers);
        self.apply(&mut followers, settings)
    }

    fn apply(
        &self,
        followers: &mut [Box<dyn Follow>],
        settings: NamedSettings,
    ) -> Result<Reload, ReloadError> {
        let mut found = Found::default();
        for one in &*followers {
            one.check(&settings, &mut found);
        }
        settings.check_running(&self.settings(), &found.fixed)?;
        if !found.refused.is_empty() {
            return Err(ReloadError::Refused(found.refused));
        }
        // from here on what is refused, by a breaker that has come since, stops no other
        let new = Arc::new(settings);
        *locked(&self.shared.settings) = new.clone();
        let mut reload = Reload::default();
        for one in followers {
            one.apply(&new, &mut reload);
        }
        for names in [&mut reload.changed, &mut reload.panicked] {
            names.sort();
            names.dedup();
        }
        Ok(reload)
    }
}
