"""Script tasks: commands and scripts that run as processes of their own. `process` runs one and hears it, `protocol`
reads what it says to us, `files` brings files in and out, `script` puts these together; a module for each language.
"""
