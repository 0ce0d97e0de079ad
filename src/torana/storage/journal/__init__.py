"""The journal: what is known of calls before a database is, in files that outlive the process that writes them.

Each process that serves calls writes files of its own, ``RUN.NUMBER.journal``, and holds a lock on ``RUN.lock`` while
it lives. Another process reads them all, and removes what it has put away.
"""
