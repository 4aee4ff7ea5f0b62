use super::*;

struct Stubborn;

impl Classify<u8, u8> for Stubborn {
    fn classify(&self, _: &Result<u8, u8>) -> Outcome {
        Outcome::Ignored
    }

    fn panicked(&self) -> Outcome {
        Outcome::Ignored
    }
}

#[test]
fn closures_types_and_loans_classify() {
    fn both<C: Classify<u8, u8>>(classifier: &C) -> [Outcome; 3] {
        let lent = ByRef::new(classifier);
        let ok = classifier.classify(&Ok(1));
        assert_eq!(lent.classify(&Ok(1)), ok);
        assert_eq!(lent.panicked(), classifier.panicked());
        [ok, lent.classify(&Err(1)), ByRef::new(&lent).panicked()]
    }
    let own = FailureKind::Client;
    let server = Outcome::Failure(FailureKind::Server);
    let by_default = [Outcome::Success, server, Outcome::Failure(own)];
    assert_eq!(both(&ErrIsFailure), by_default);
    assert_eq!(both(&Stubborn), [Outcome::Ignored; 3]);
    let data = Outcome::Failure(FailureKind::Data);
    let closure = move |result: &Result<u8, u8>| match result {
        Ok(_) => data,
        Err(_) => Outcome::Success,
    };
    let expected = [data, Outcome::Success, Outcome::Failure(own)];
    assert_eq!(both(&closure), expected);
    assert_eq!(both(&&closure), expected);
}

#[expect(
    clippy::needless_borrows_for_generic_args,
    reason = "a reference is one of the forms"
)]
#[test]
fn every_shared_or_boxed_form_classifies() {
    fn asked(classifier: impl Classify<u8, u8>) -> [Outcome; 2] {
        [classifier.classify(&Ok(1)), classifier.panicked()]
    }
    const STUBBORN: [Outcome; 2] = [Outcome::Ignored; 2];
    assert_eq!(asked(Arc::new(Stubborn)), STUBBORN);
    assert_eq!(asked(&Arc::new(Stubborn)), STUBBORN);
    assert_eq!(asked(Rc::new(Stubborn)), STUBBORN);
    assert_eq!(asked(&Rc::new(Stubborn)), STUBBORN);
    assert_eq!(asked(Arc::new(Arc::new(Stubborn))), STUBBORN);
    assert_eq!(asked(ByRef::new(&Stubborn)), STUBBORN);
    type Object = dyn Classify<u8, u8>;
    type Sent = dyn Classify<u8, u8> + Send;
    type Shared = dyn Classify<u8, u8> + Send + Sync;
    assert_eq!(asked(Arc::new(Stubborn) as Arc<Shared>), STUBBORN);
    assert_eq!(asked(Rc::new(Stubborn) as Rc<Object>), STUBBORN);
    assert_eq!(asked(Box::new(Stubborn) as Box<Object>), STUBBORN);
    assert_eq!(asked(Box::new(Stubborn) as Box<Sent>), STUBBORN);
    assert_eq!(asked(Box::new(Stubborn) as Box<Shared>), STUBBORN);
    assert_eq!(asked(&Stubborn as &Object), STUBBORN);
    assert_eq!(asked(&Stubborn as &Sent), STUBBORN);
    assert_eq!(asked(&Stubborn as &Shared), STUBBORN);
    assert_eq!(asked(ByRef::new(&Stubborn as &Shared)), STUBBORN);

    let by_default = [Outcome::Success, Outcome::Failure(FailureKind::Client)];
    assert_eq!(asked(&ErrIsFailure), by_default);
    assert_eq!(asked(Box::new(ErrIsFailure)), by_default);
    let closure = |_: &Result<u8, u8>| Outcome::Success;
    type Closure = dyn Fn(&Result<u8, u8>) -> Outcome;
    type SharedClosure = dyn Fn(&Result<u8, u8>) -> Outcome + Send + Sync;
    assert_eq!(asked(Arc::new(closure) as Arc<SharedClosure>), by_default);
    assert_eq!(asked(Box::new(closure) as Box<SharedClosure>), by_default);
    assert_eq!(asked(Rc::new(closure) as Rc<Closure>), by_default);
    assert_eq!(asked(&closure as &Closure), by_default);
    assert_eq!(asked(closure as fn(&Result<u8, u8>) -> Outcome), by_default);
}
