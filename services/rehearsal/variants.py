"""How a name comes to be written in another way: short forms, other spellings, slips of the keyboard."""

import numpy as np

FORMS = (
    "Aaron Arron Aron",
    "Abigail Abby Abbie Abi",
    "Albert Bertie Al",
    "Alexander Alex Sandy Alec",
    "Alexandra Alex Lexi Sasha",
    "Alicia Alisha Alycia",
    "Amelia Millie Amy Emelia",
    "Amy Aimee Ami",
    "Andrew Andy Drew",
    "Anthony Tony Antony",
    "Archibald Archie",
    "Benjamin Ben Benji",
    "Callum Calum",
    "Catherine Katherine Kathryn Kate Katie Cathy",
    "Charles Charlie Chas",
    "Charlotte Charlie Lottie Lotte",
    "Chloe Cloe Khloe",
    "Christopher Chris Kit Kris",
    "Connor Conor",
    "Daniel Dan Danny",
    "David Dave Davey",
    "Dominic Dom",
    "Edward Ed Eddie Ted Teddy",
    "Eleanor Ellie Elinor Nell",
    "Elizabeth Lizzie Beth Eliza Liz Elisabeth",
    "Ella Ellie Ela",
    "Elliot Elliott Eliot",
    "Emily Em Emilie Emmie",
    "Erin Eryn",
    "Eva Ava",
    "Evelyn Eve Evie",
    "Finn Fin Finley Finlay",
    "Florence Flo Florrie",
    "Frederick Fred Freddie",
    "Gabriel Gabe",
    "Georgia Georgie",
    "Gregory Greg",
    "Harriet Hattie",
    "Harrison Harry",
    "Henry Harry Hal",
    "Holly Hollie",
    "Imogen Immy",
    "Isabella Bella Izzy Isabelle Isabel",
    "Jack John Johnny",
    "Jacob Jake Jakob",
    "James Jim Jamie Jimmy",
    "Jasmine Jas Jasmin Yasmin",
    "Jennifer Jenny Jen",
    "Jessica Jess Jessie",
    "Jonathan Jon Jonathon Johnathan",
    "Joseph Joe Joey",
    "Joshua Josh",
    "Katelyn Caitlin Caitlyn Kaitlin",
    "Kayleigh Kayley Kaylee",
    "Leah Lea Lia",
    "Leonardo Leo Leon",
    "Lily Lilly Lillie",
    "Louis Lewis Lou Louie",
    "Lucas Luke Lukas Luca",
    "Lucy Lucie",
    "Madeleine Maddie Madeline",
    "Margaret Maggie Peggy",
    "Maria Marie Mariah Mary",
    "Matthew Matt Mathew",
    "Maximilian Max Maxwell",
    "Maya Maia Mya",
    "Megan Meg Meghan",
    "Mia Mya",
    "Michael Mike Mikey Micheal",
    "Molly Mollie",
    "Natalie Nat Nathalie",
    "Natasha Tasha",
    "Nathaniel Nathan Nat",
    "Niamh Neve",
    "Nicholas Nick Nicky Nicolas",
    "Oliver Ollie Olly",
    "Olivia Liv Livvy",
    "Oscar Oskar",
    "Patrick Paddy Pat",
    "Penelope Penny",
    "Philip Phil Phillip",
    "Phoebe Pheobe",
    "Rebecca Becky Bex Rebekah",
    "Reece Rhys Reese",
    "Richard Rich Rick",
    "Robert Rob Bobby Robbie",
    "Rosemary Rosie Rose",
    "Samantha Sam Sammy",
    "Samuel Sam Sammy",
    "Sarah Sara Sally",
    "Sean Shaun Shawn",
    "Sebastian Seb",
    "Sophia Sofia Sophie",
    "Stephanie Steph Stefanie",
    "Stephen Steven Stefan Steve",
    "Theodore Theo Teddy",
    "Thomas Tom Tommy",
    "Timothy Tim",
    "Victoria Vicky Tori",
    "Vincent Vinny Vince",
    "William Will Billy Liam",
    "Zachary Zac Zach Zak",
    "Zoe Zoey",
)
NEIGHBOURS = {
    row[place]: row[max(place - 1, 0) : place] + row[place + 1 : place + 2]
    for row in ("qwertyuiop", "asdfghjkl", "zxcvbnm")
    for place in range(len(row))
}
RESPELLINGS = (("ph", "f"), ("ie", "y"), ("y", "ie"), ("ck", "k"), ("ei", "ie"), ("c", "k"), ("ee", "ea"), ("i", "y"))


def _forms() -> dict[str, tuple[str, ...]]:
    known: dict[str, tuple[str, ...]] = {}
    for line in FORMS:
        names = line.split()
        for name in names:
            others = tuple(other for other in names if other != name)
            known[name] = tuple(dict.fromkeys(known.get(name, ()) + others))
    return known


OTHER_FORMS = _forms()


def other_form(name: str, *, rng: np.random.Generator) -> str:
    """Return a short form or another spelling of a forename; without one, a respelling; never ``name`` itself."""
    known = OTHER_FORMS.get(name)
    if known:
        return known[int(rng.integers(len(known)))]
    return respelt(name, rng=rng)


def respelt(name: str, *, rng: np.random.Generator) -> str:
    """Return ``name`` with one sound written in another way, or misspelt if it has no such sound."""
    found = [
        name[:place] + new + name[place + len(old) :] for old, new in RESPELLINGS if (place := name.find(old, 1)) > 0
    ]
    return found[int(rng.integers(len(found)))] if found else misspelt(name, rng=rng)


def misspelt(name: str, *, rng: np.random.Generator) -> str:
    """Return ``name`` with one slip after its first letter: a neighbouring key, a letter lost, doubled or swapped."""
    if len(name) < 3:
        return name + name[-1:].lower()
    place = int(rng.integers(1, len(name) - 1))
    before, letter, after = name[:place], name[place], name[place + 1 :]
    neighbours = NEIGHBOURS.get(letter.lower(), "")
    slip = int(rng.integers(4))
    if slip == 0 and neighbours:
        return before + neighbours[int(rng.integers(len(neighbours)))] + after
    if slip == 1 and after[0] != letter:
        return before + after[0] + letter + after[1:]
    if slip == 2:
        return before + after
    return before + letter + letter + after


def initial(name: str, *, rng: np.random.Generator) -> str:
    """Return the first letter of ``name`` alone."""
    return name[0]


def halved(name: str, *, rng: np.random.Generator) -> str:
    """Return one part of a name of two, joined by a hyphen or a space; a single name is returned as it is."""
    parts = name.replace("-", " ").split()
    return parts[int(rng.integers(len(parts)))] if len(parts) > 1 else name
