"""Names from other scripts: how one comes to be written in two ways in Latin letters, and what it is in its own.

Spellings in use and their own scripts were put down by hand for common names; Ukrainian names come from Faker in their
own script and are romanised by rule.
"""

import re
from collections.abc import Mapping
from functools import cache

import numpy as np

from services.rehearsal.names import listed, plain

SPELLINGS = (
    "Muhammad Mohammed Mohammad Mohamed Mohamad Muhammed",
    "Abdullah Abdallah Abdulla",
    "Ahmed Ahmad Ahmet",
    "Aisha Ayesha Aaisha Aysha Aicha",
    "Ali Aly",
    "Amina Aminah Ameena",
    "Bilal Bilaal Billal",
    "Fatima Fatimah Fatema Fatma",
    "Hussain Hussein Husain Hossain",
    "Ibrahim Ebrahim Ibraheem Brahim",
    "Iqbal Eqbal Ikbal",
    "Khadija Khadijah Khadeeja",
    "Khan Khaan Kan",
    "Mahmood Mahmoud Mehmood",
    "Mariam Maryam Meryem Miriam",
    "Omar Umar Omer",
    "Othman Usman Uthman Osman",
    "Rahman Rehman Rahmaan",
    "Uddin Udin Ud-Din",
    "Yusuf Yousef Youssef Yousuf",
    "Zainab Zaynab Zeinab",
    "Begum Begom Begam",
    "Choudhury Chowdhury Chaudhry Chaudhary",
    "Miah Mia Miya",
    "Shaikh Sheikh Sheik",
    "Singh Sing Sinh",
    "Oleksandr Aleksandr Alexander Olexandr",
    "Oleksandra Aleksandra Alexandra",
    "Oleksii Aleksei Alexey Oleksiy",
    "Andrii Andrey Andriy Andrei",
    "Dmytro Dmitry Dmitri",
    "Mykhailo Mikhail Michailo",
    "Mykola Nikolai Nikolay",
    "Serhii Sergei Sergey Serhiy",
    "Volodymyr Vladimir Wolodymyr",
    "Yevhen Evgeny Yevgen Evhen",
    "Yevheniia Evgenia Yevgenia",
    "Yuliia Julia Yulia",
    "Chen Chan Tan",
    "Huang Wong Hwang",
    "Li Lee Lei",
    "Wang Wong Ong",
    "Zhang Chang Cheung",
    "Zhou Chow Chou",
)
"""Names of one line are one name."""
BY_HAND = (
    "Muhammad Mohammed Mohammad Mohamed محمد",
    "Abdullah عبدالله",
    "Ahmed Ahmad أحمد",
    "Ali علي",
    "Ibrahim إبراهيم",
    "Omar عمر",
    "Yusuf يوسف",
    "Hassan حسن",
    "Aisha عائشة",
    "Amina أمينة",
    "Fatima فاطمة",
    "Khadija خديجة",
    "Maryam Mariam مريم",
    "Zainab زينب",
    "Hussain Hussein حسین",
    "Khan خان",
    "Iqbal اقبال",
    "Malik ملک",
    "Mahmood محمود",
    "Rahman রহমান",
    "Begum বেগম",
    "Islam ইসলাম",
    "Miah মিয়া",
    "Khatun খাতুন",
    "Uddin উদ্দিন",
    "Wang 王",
    "Li 李",
    "Zhang 张",
    "Liu 刘",
    "Chen 陈",
    "Yang 杨",
    "Huang 黄",
    "Zhou 周",
)
"""Spellings in Latin letters, and last the name in its own script."""
CYRILLIC = "абвгґдежзиіїйклмнопрстуфхцчшщєюяь'"
LATIN = "a b v h g d e zh z y i i i k l m n o p r s t u f kh ts ch sh shch ie iu ia"
ROMANISED = dict(zip(CYRILLIC, [*LATIN.split(), "", ""], strict=True))
AT_THE_START = ROMANISED | {"є": "ye", "ї": "yi", "й": "y", "ю": "yu", "я": "ya"}
"""Passport spelling: resolution 55 of the Cabinet of Ministers of Ukraine, 2010."""
OTHER_ROMANISATIONS = ((r"ii$", "iy"), (r"ii$", "y"), (r"i([aeu])", r"y\1"), (r"(?<![ckstz])h", "g"))
"""What older passports and Russian habits write for some of it."""


def romanised(name: str) -> str:
    """Return a Ukrainian name in Latin letters as its passport has it, or "" if a letter is not Ukrainian."""
    letters = name.lower()
    if not set(letters) <= ROMANISED.keys():
        return ""
    parts = [AT_THE_START[letters[0]], *(ROMANISED[letter] for letter in letters[1:])]
    for place in range(1, len(letters)):
        if letters[place - 1 : place + 1] == "зг":
            parts[place] = "gh"
    return "".join(parts).capitalize()


def ukrainian(which: str) -> list[str]:
    """Return the names of one of Faker's Ukrainian lists in Latin letters."""
    return [latin for name in listed("uk_UA", which) if plain(latin := romanised(name))]


def in_own_script(forename: str, surname: str) -> tuple[str, str]:
    """Return both names with each part that is known so in its own script: Ukrainian where the surname is, else others.

    A name that is known in no other script is returned as it is.
    """
    known = _ukrainian() if surname in _ukrainian() else _by_hand()
    forename, surname = (" ".join(known.get(part, part) for part in name.split(" ")) for name in (forename, surname))
    return forename, surname


def respellable(name: str) -> bool:
    """Return whether ``name`` has a part with another spelling in Latin letters."""
    return any(_others(part) for part in name.split(" "))


def transliterated(name: str, *, rng: np.random.Generator) -> str:
    """Return ``name`` with one part in another spelling in Latin letters, or ``name`` itself if none has any."""
    parts = name.split(" ")
    places = [place for place, part in enumerate(parts) if _others(part)]
    if places:
        place = places[int(rng.integers(len(places)))]
        others = _others(parts[place])
        parts[place] = others[int(rng.integers(len(others)))]
    return " ".join(parts)


@cache
def _by_hand() -> Mapping[str, str]:
    return {name: line.split()[-1] for line in BY_HAND for name in line.split()[:-1]}


@cache
def _ukrainian() -> Mapping[str, str]:
    lists = ("first_names_female", "first_names_male", "last_names_common")
    return {romanised(name): name for which in lists for name in listed("uk_UA", which)}


@cache
def _others(name: str) -> tuple[str, ...]:
    for line in SPELLINGS:
        if name in line.split():
            return tuple(other for other in line.split() if other != name)
    if name not in _ukrainian():
        return ()
    ways = (re.sub(old, new, name) for old, new in OTHER_ROMANISATIONS)
    return tuple(dict.fromkeys(way for way in ways if way != name))
