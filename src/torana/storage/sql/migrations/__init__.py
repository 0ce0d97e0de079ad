"""How the tables came to be, a file for each revision; a file that was released is never changed.

Versions of Torana that run side by side share the tables: a revision first adds what the new code needs and the old one
can do without (expand), and a later one takes away what no version in use needs any more (contract).
"""
