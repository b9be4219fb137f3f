"""Scripts in the languages of the table: those that this machine has run, those that it lacks say what to install."""

import shutil
from typing import Any

import pytest
from segue.model.order import Order
from segue.model.state import State
from segue.tasks.scripts.languages import LANGUAGES, Language

from tests.support.pools import SharedPool, order_of

# Prints a word, gives an output, reads a file and its environment.
SCRIPTS = {
    "node": """
const fs = require('fs');
console.log('said ' + fs.readFileSync('data.txt', 'utf8').trim() + ' ' + process.env.WORD);
console.log('::' + JSON.stringify({outputs: {n: 3}}) + '::');
""",
    "perl": """
open(my $in, '<', 'data.txt'); my $line = <$in>; chomp $line;
print "said $line $ENV{WORD}\\n";
print '::{"outputs":{"n":3}}::', "\\n";
""",
    "ruby": """
puts "said #{File.read('data.txt').strip} #{ENV['WORD']}"
puts '::{"outputs":{"n":3}}::'
""",
    "php": """<?php
echo "said ", trim(file_get_contents('data.txt')), " ", getenv('WORD'), "\\n";
echo '::{"outputs":{"n":3}}::', "\\n";
""",
    "lua": """
local line = io.open('data.txt'):read('l')
print('said ' .. line .. ' ' .. os.getenv('WORD'))
print('::{"outputs":{"n":3}}::')
""",
    "r": """
cat(paste('said', readLines('data.txt'), Sys.getenv('WORD')), fill = TRUE)
cat('::{"outputs":{"n":3}}::', fill = TRUE)
""",
    "julia": """
println("said ", strip(read("data.txt", String)), " ", ENV["WORD"])
println("::{\\"outputs\\":{\\"n\\":3}}::")
""",
}
FILES = {"inputFiles": {"data.txt": "data\n"}, "env": {"WORD": "word"}}


def is_here(language: Language) -> bool:
    return shutil.which(language.program) is not None


def named(languages: list[Language]) -> dict[str, Any]:
    return {"argvalues": languages, "ids": [each.name for each in languages]}


HERE = [each for each in LANGUAGES if is_here(each) and each.name in SCRIPTS]
LACKING = [each for each in LANGUAGES if not is_here(each)]


def order(language: Language, kind: str, **properties: Any) -> Order:
    return order_of(f"scripts.{language.name}.{kind}", properties)


@pytest.mark.parametrize("language", **named(HERE))
def test_a_script_runs_in_its_folder_and_gives_outputs(pool: SharedPool, language: Language) -> None:
    outcome = pool.run(order(language, "Script", script=SCRIPTS[language.name], **FILES))
    assert (outcome.ended.state, outcome.messages) == (State.SUCCESS, ["said data word"])
    assert outcome.ended.outputs is not None
    assert outcome.ended.outputs["vars"] == {"n": 3}


@pytest.mark.parametrize("language", **named(HERE))
def test_a_script_after_commands_runs_in_the_same_shell(pool: SharedPool, language: Language) -> None:
    outcome = pool.run(
        order(language, "Script", script=SCRIPTS[language.name], beforeCommands=["export WORD=other"], **FILES)
    )
    assert outcome.messages == ["said data other"]


@pytest.mark.parametrize("language", **named(HERE))
def test_a_script_leaves_no_file_of_its_own_among_the_outputs(pool: SharedPool, language: Language) -> None:
    outcome = pool.run(order(language, "Script", script=SCRIPTS[language.name], outputFiles=["*"], **FILES))
    assert outcome.ended.outputs is not None
    assert list(outcome.ended.outputs["outputFiles"]) == ["data.txt"]


@pytest.mark.parametrize("language", **named(HERE))
def test_commands_are_given_to_a_shell(pool: SharedPool, language: Language) -> None:
    outcome = pool.run(order(language, "Commands", commands=[f"command -v {language.program} > /dev/null", "echo on"]))
    assert (outcome.ended.state, outcome.messages) == (State.SUCCESS, ["on"])


@pytest.mark.parametrize("language", **named(LACKING))
def test_a_missing_program_is_named_with_what_to_install(pool: SharedPool, language: Language) -> None:
    outcome = pool.run(order(language, "Script", script="x"))
    assert outcome.ended.state is State.FAILED
    assert repr(language.program) in outcome.text
    assert f"install {language.package}" in outcome.text


@pytest.mark.parametrize("language", **named(LACKING))
def test_commands_that_miss_the_program_say_so_too(pool: SharedPool, language: Language) -> None:
    outcome = pool.run(order(language, "Commands", commands=[f"{language.program} --version"]))
    assert outcome.ended.state is State.FAILED
    assert f"install {language.package}" in outcome.text


def test_an_image_for_a_process_is_noted_for_who_looks_closely(pool: SharedPool) -> None:
    outcome = pool.run(order_of("scripts.shell.Commands", {"commands": ["true"], "containerImage": "ubuntu"}))
    assert [(line.level, "ubuntu" in line.message) for line in outcome.lines] == [("DEBUG", True)]


def test_a_runner_of_elsewhere_is_refused_with_those_that_there_are(pool: SharedPool) -> None:
    runner = {"type": "io.kestra.plugin.ee.kubernetes.runner.Kubernetes"}
    outcome = pool.run(order_of("scripts.shell.Commands", {"commands": ["true"], "taskRunner": runner}))
    assert "core.runner.Process" in outcome.text
