"""`scorelens console account add`: an account with a password."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import click

from scorelens_console.access.accounts import LEAST_PASSWORD, checked_name, checked_password
from scorelens_console.access.identity import Role, write_roles
from scorelens_console.commands.account import accounts_in, file_option
from scorelens_console.commands.shared import folder_option, leave_line, roles_option


@click.command("add")
@click.argument("name")
@roles_option()
@click.option("--keep-password", is_flag=True, help="Leave the password of an account that is there.")
@file_option
@folder_option
def command(name: str, roles: Mapping[str, Role], keep_password: bool, file: Path | None, folder: Path) -> None:
    """Add an account, or change its roles and its password. The password comes from a prompt, or from standard input.

    Whoever is signed in with the account has the new roles at once, and has to sign in again with a new password.

    \b
    scorelens console account add ada --as scientist
    scorelens console account add bob --as viewer,media-tagger=scientist < password.txt
    scorelens console account add bob --as viewer --keep-password
    """
    accounts, name = accounts_in(file, folder), checked_name(name)
    password = None if keep_password else checked_password(_password(name))
    leave_line(folder, "account_set", person=name, roles=write_roles(roles), password_changed=password is not None)
    is_new = accounts.put(name, roles, password)
    click.echo(f"{'added' if is_new else 'changed'} {name}: {write_roles(roles)}")


def _password(name: str) -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    text = f"Password of {name} (at least {LEAST_PASSWORD} characters)"
    return str(click.prompt(text, hide_input=True, confirmation_prompt="Again"))
