"""The communities of the generated children: how large each is and how its families give names.

Shares are near those of pupils in England. They exist so that names, hyphens, accents and family surnames vary
together as they do in a real roll; they are a rehearsal's backdrop, no statement about anyone.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Literal

from services.rehearsal.name_lists import NameLists
from services.rehearsal.names import (
    FORENAME_CURVE,
    SURNAME_CURVE,
    Pool,
    british_forenames,
    british_surnames,
    fitted,
    interleaved,
    listed,
    pool,
    shuffled,
)
from services.rehearsal.transliterations import ukrainian

OWN_FORENAMES, OWN_SURNAMES = 30.0, 300.0
"""With lists: how much more readily a community gives a name of its own than another one. Our choice."""
MUHAMMADS = ("Muhammad", "Mohammed", "Mohammad", "Mohamed")
KHANS = ("Khan", "Hussain", "Ahmed", "Ali", "Shah", "Malik", "Iqbal", "Mahmood", "Akhtar", "Rehman", "Hussein")
MIAHS = ("Ahmed", "Miah", "Islam", "Rahman", "Uddin", "Hossain", "Choudhury", "Ali")
BEGUMS = ("Begum", "Khatun", "Akter", "Khanom", "Sultana", "Parvin", "Bibi", "Ahmed", "Islam")

Custom = Literal["shared", "inflected", "by-sex", "two"]
"""How a family's children come by surnames: one for all; one with a feminine form (-ski, -ska); one for its boys
and another for its girls; or two words, one from each parent."""


@dataclass(frozen=True, repr=False)
class Community:
    """A share of the households, and its names. ``ethnicity`` is a code as in a school census."""

    ethnicity: str
    share: float
    girls: Pool
    boys: Pool
    surnames: Pool
    girls_surnames: Pool
    custom: Custom = "shared"
    hyphens: bool = False
    muhammad: bool = False


@cache
def communities(lists: NameLists | None = None) -> tuple[Community, ...]:
    """Return every community; their shares add up to 1.

    With ``lists`` names are as common in the whole population as these say, and every community gives its own names
    more readily than others.
    """
    table = _by_curve()
    return table if lists is None else _by_lists(table, lists)


def _by_lists(table: tuple[Community, ...], lists: NameLists) -> tuple[Community, ...]:
    shares = [community.share for community in table]
    spelt = {name.replace("'", "").lower(): name for name in british_surnames()}
    surnames = {spelt.get(name.lower(), name): often for name, often in lists.surnames.items()}

    def fit(pools: list[Pool], often: Mapping[str, float], readiness: float) -> list[Pool]:
        """Names of British pools and those that nobody else has are the British communities' own."""
        own = [set(names.names.tolist()) for names in pools]
        others = {name for names, one in zip(own, table, strict=True) if not one.hyphens for name in names}
        own = [names | (often.keys() - others) if one.hyphens else names for names, one in zip(own, table, strict=True)]
        return fitted(own, shares, often, readiness)

    families = fit([one.surnames for one in table], surnames, OWN_SURNAMES)
    girls = fit([one.girls for one in table], lists.girls, OWN_FORENAMES)
    boys = fit([one.boys for one in table], lists.boys, OWN_FORENAMES)
    return tuple(
        replace(one, girls=girls[at], boys=boys[at])
        if one.custom == "by-sex"
        else replace(one, girls=girls[at], boys=boys[at], surnames=families[at], girls_surnames=families[at])
        for at, one in enumerate(table)
    )


@cache
def _by_curve() -> tuple[Community, ...]:
    british = (british_forenames("female"), british_forenames("male"), british_surnames())
    polish = (
        listed("pl_PL", "first_names_female"),
        listed("pl_PL", "first_names_male"),
        listed("pl_PL", "male_last_names", "unisex_last_names"),
    )
    baltic = (
        interleaved(listed("ro_RO", "first_names_female"), listed("sk_SK", "first_names_female")),
        interleaved(listed("ro_RO", "first_names_male"), listed("sk_SK", "first_names_male")),
        interleaved(listed("ro_RO", "last_names"), listed("hu_HU", "last_names"), listed("lt_LT", "last_names")),
    )
    ukrainians = tuple(map(ukrainian, ("first_names_female", "first_names_male", "last_names_common")))
    iberian = _gendered("es_ES", "pt_PT")
    western = _gendered("it_IT", "fr_FR", "de_DE")
    turkish = _gendered("tr_TR")
    arabic = _gendered("fr_DZ", "ha_NG")
    indian = _gendered("en_IN")
    patels = (*indian[:2], ["Patel", *indian[2]])
    nigerian = _gendered("yo_NG", "ig_NG", "tw_GH")
    kenyan = _gendered("en_KE", "ha_NG")
    muslim_boys = [*MUHAMMADS, *shuffled([*arabic[1], *listed("en_PK", "first_names")])]
    pakistani = (arabic[0], muslim_boys, [*KHANS, *listed("en_PK", "last_names")])
    bengali = (arabic[0], muslim_boys, list(MIAHS))
    chinese = (
        interleaved(british[0][:200], listed("zh_TW", "first_romanized_names_female")),
        interleaved(british[1][:200], listed("zh_TW", "first_romanized_names_male")),
        shuffled(listed("zh_CN", "last_romanized_names")),
    )
    mixed = (*british[:2], interleaved(british[2][:2000], nigerian[2], indian[2], arabic[2]))
    return (
        _community("WBRI", 0.625, british, hyphens=True),
        _community("WOTH", 0.030, polish, custom="inflected"),
        _community("WOTH", 0.014, baltic),
        _community("WOTH", 0.006, tuple(map(shuffled, ukrainians))),
        _community("WOTH", 0.015, western),
        _community("WOTH", 0.012, iberian, custom="two"),
        _community("WOTH", 0.008, turkish),
        _community("APKN", 0.045, pakistani, muhammad=True),
        _community("ABAN", 0.019, bengali, custom="by-sex", girls_surnames=list(BEGUMS), muhammad=True),
        _community("AIND", 0.032, patels),
        _community("AIND", 0.010, (*indian[:2], ["Singh"]), custom="by-sex", girls_surnames=["Kaur"]),
        _community("BAFR", 0.034, nigerian),
        _community("BAFR", 0.016, kenyan, muhammad=True),
        _community("BCRB", 0.015, british, hyphens=True),
        _community("MOTH", 0.075, mixed, hyphens=True),
        _community("CHNE", 0.010, chinese),
        _community("OOTH", 0.034, arabic, muhammad=True),
    )


def _gendered(*locales: str) -> tuple[list[str], list[str], list[str]]:
    girls, boys, families = (
        interleaved(*(shuffled(listed(locale, which)) for locale in locales))
        for which in ("first_names_female", "first_names_male", "last_names")
    )
    return girls, boys, families


def _community(
    ethnicity: str,
    share: float,
    names: tuple[tuple[str, ...] | list[str], ...],
    *,
    custom: Custom = "shared",
    girls_surnames: list[str] | None = None,
    hyphens: bool = False,
    muhammad: bool = False,
) -> Community:
    girls, boys, families = names
    return Community(
        ethnicity=ethnicity,
        share=share,
        girls=pool(girls, FORENAME_CURVE),
        boys=pool(boys, FORENAME_CURVE),
        surnames=pool(families, SURNAME_CURVE),
        girls_surnames=pool(girls_surnames or families, SURNAME_CURVE),
        custom=custom,
        hyphens=hyphens,
        muhammad=muhammad,
    )
