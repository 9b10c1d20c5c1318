"""Secret names in texts, and texts that only look as if they had one."""

from collections.abc import Iterable
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from fgm.viewer.packs.redaction.replacer import MIN_INSIDE, Replacer
from fgm.viewer.packs.redaction.words import PATH_WORDS, SENTENCE_WORDS

ID = "7baf0253411a045a45df73c5eb256cc9b6f8869f90f1141f8ac47154660cc725"
OTHER_ID = "000000000001".ljust(64, "0")


def replacer(*names: str, ids: Iterable[tuple[str, str]] = ()) -> Replacer:
    return Replacer({name: f"<{n}>" for n, name in enumerate(names)}, dict(ids))


def test_the_longest_name_counts() -> None:
    assert replacer("web", "web-7d9f").name("web-7d9f/web, web") == "<1>/<0>, <0>"


def test_a_short_name_is_a_whole_word_and_a_longer_one_is_found_inside_of_words() -> None:
    assert replacer("web").name("webserver web_2 Web") == "webserver <0>_2 <0>"
    assert replacer("ledger").name("preledgers") == "pre<0>s"


def test_names_that_systemd_has_escaped_are_found() -> None:
    assert (
        replacer("my-vm").path(r"/machine.slice/machine-qemu\x2d1\x2dmy\x2dvm.scope")
        == r"/machine.slice/machine-qemu\x2d1\x2d<0>.scope"
    )


def test_beginnings_of_ids_are_found() -> None:
    texts = replacer(ids=[(ID, OTHER_ID)])
    assert (
        texts.sentence(f"{ID} {ID[:12]}, {ID[:20]}; {ID[:11]}")
        == f"{OTHER_ID} {OTHER_ID[:12]}, {OTHER_ID[:20]}; {ID[:11]}"
    )
    assert texts.path(f"/docker-{ID}.scope") == f"/docker-{OTHER_ID}.scope"


def test_a_container_that_is_named_like_a_word_is_replaced_where_it_is_a_name() -> None:
    texts = replacer("memory", "service")
    assert (
        texts.sentence("memory rose; shop/memory held 2 MiB, memory used 40%")
        == "memory rose; shop/<0> held 2 MiB, <0> used 40%"
    )
    assert texts.path("/system.slice/memory.service") == "/system.slice/<0>.service"
    assert texts.name("memory:1.2") == "<0>:1.2"


NAMES = st.from_regex(r"[a-z0-9]([a-z0-9.-]{3,12}[a-z0-9])?", fullmatch=True).filter(
    lambda name: len(name) >= MIN_INSIDE
)


@given(
    st.lists(NAMES, min_size=1, max_size=8, unique=True),
    st.lists(st.text(max_size=6), min_size=1, max_size=9),
    st.randoms(),
)
def test_no_name_stays_in_any_text(names: list[str], between: list[str], chance: Random) -> None:
    names = [name for name in names if name not in SENTENCE_WORDS | PATH_WORDS]
    texts = Replacer(dict.fromkeys(names, "\N{BULLET}"), {})
    text = "".join(part + chance.choice([*names, ""]) for part in between)
    for result in (texts.name(text), texts.path(text), texts.sentence(text)):
        assert not [name for name in names if name in result.lower()], (names, text)
    assert texts.name(texts.name(text)) == texts.name(text)
