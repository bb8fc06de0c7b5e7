"""Batches: what schedulers import and analyse by night. Pure; `tasks` reads the folders and does the work.

A manifest is a table of files with where each goes (`read_manifest`); its rows become import orders (`orders`), whose
tokens are made of what they say, so that the same row is the same order every night. So are those of rules
(`analysis_rule`), which name whose new images are analysed.
"""
