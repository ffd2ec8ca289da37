"""What people say of each topic: when something went wrong, when it went well, and when they only tell or ask."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from scorelens_scorer.corpus.grammar import lines


@dataclass(frozen=True)
class Topic:
    """Templates of one topic by mood, and headings."""

    bad: tuple[str, ...]
    good: tuple[str, ...]
    plain: tuple[str, ...]
    question: tuple[str, ...]
    heading: tuple[str, ...]


TOPICS: Final = {
    "mortgage": Topic(
        bad=lines("""
            My mortgage application has been stuck for {span} and nobody tells me why
            The mortgage adviser lost our documents and now the sale of the house falls through
            They raised the rate on our home loan to {rate}% without a word
            The valuation of our flat was {bad_adjective} and {brand} refuses to look at it again
            We missed the completion date because the lender sat on the papers for {span}
            Remortgaging with {brand} is {bad_adjective}, {number} forms and no answer
            Our fixed rate ends and the new repayment is {bad_adjective}"""),
        good=lines("""
            Our mortgage got approved {day} and we finally have the keys
            {staff} explained every step of the home loan, {good_adjective} from start to end
            Fixed the mortgage at {rate}% with {brand}, could not be happier
            Remortgage done in {span}, the adviser was {good_adjective}
            First home! {brand} made the deposit and the mortgage {good_adjective}"""),
        plain=lines("""
            The average two year fixed mortgage stands at {rate}% according to {analyst}
            We are comparing a fixed and a variable rate before we buy a house
            House prices in {place} {move} while mortgage approvals {move}
            The deposit for a flat in {place} is now {number} times a yearly salary
            First time buyers borrow over thirty five years more often, {analyst} say
            Lenders lowered the loan to value for new homes {day}
            We have an appointment about the mortgage {day}"""),
        question=lines("""
            How much deposit do I need for a mortgage with {brand}?
            Can I take my fixed rate with me when we move house?
            Is a {rate}% home loan normal these days?
            Does anybody know whether overpaying the mortgage is allowed?"""),
        heading=lines("""
            Home loans: what buyers in {place} should know
            Mortgage approvals {move} again
            Our long way to a first home"""),
    ),
    "card": Topic(
        bad=lines("""
            My credit card was declined in front of everybody although there is money on it
            {brand} blocked my card abroad and the phone line was dead
            Contactless on my {brand} card stopped working {day}
            Waiting {span} for a replacement card, {bad_adjective}
            The limit on my credit card was cut without notice"""),
        good=lines("""
            New credit card arrived in two days, {good_adjective}
            The cashback on the {brand} card is {good_adjective}
            {staff} replaced my lost card within hours, thank you
            No foreign charges with this card on the whole trip, {good_adjective}"""),
        plain=lines("""
            My new debit card came in the post {day}
            Card payments in shops {move} by {rate} percent, {analyst} say
            {brand} will issue cards without printed numbers from next month
            I pay with the card and keep a little cash
            The monthly card statement is due {day}"""),
        question=lines("""
            How do I change the PIN of my card?
            Which credit card is best for travel?
            Can I raise the limit on my card for a week?
            Where do I see the security code of the virtual card?"""),
        heading=lines("""
            Which card belongs in your wallet
            Card payments {move} in {place}"""),
    ),
    "savings": Topic(
        bad=lines("""
            The interest on my savings account is {bad_adjective}, {rate}% and falling
            {brand} closed my savings account and kept the bonus
            Cannot get at my own savings for {span}, {bad_adjective}
            They cut the saver rate again and told nobody"""),
        good=lines("""
            Finally {rate}% on my savings with {brand}, {good_adjective}
            The round up into the savings pot is {good_adjective}, saved {sum} without noticing
            Opened an easy access saver in five minutes, {good_adjective}
            Reached my savings goal {day}, so proud"""),
        plain=lines("""
            Savings rates {move} to {rate}% at most banks
            I put {sum} a month into a savings account
            An emergency fund of {number} months is what {analyst} advise
            Households in {place} saved more than last year
            The fixed term deposit runs out {day}"""),
        question=lines("""
            Where do I get a decent rate on savings?
            Is money in a savings account protected?
            Can I open a savings account for my child at {brand}?
            Easy access or fixed term, what would you do with {sum}?"""),
        heading=lines("""
            Where savers find {rate}% now
            How we saved {sum} a month
            Saving rates {move}"""),
    ),
    "investing": Topic(
        bad=lines("""
            My fund lost {rate}% and the adviser does not call back
            The trading page of {brand} froze while the market fell, {bad_adjective}
            Hidden costs ate the whole return on my portfolio
            They sold me a {bad_adjective} fund and call it balanced"""),
        good=lines("""
            My index fund is up {rate}% this year, {good_adjective}
            Dividends arrived {day}, {good_adjective}
            Setting up a monthly investment plan at {brand} was {good_adjective}
            {staff} built me a portfolio that lets me sleep, {good_adjective}"""),
        plain=lines("""
            Shares in {brand} {move} by {rate}% {day}
            Bond yields {move} after the central bank spoke
            I invest {sum} a month in a world index fund
            The market {move} while {analyst} waited for figures
            Stocks in {place} {move} in early trading
            The fund holds {number} companies in renewable energy"""),
        question=lines("""
            Which fund would you start with if you had {sum} a month?
            Is now a bad time to buy shares?
            How are dividends taxed?
            Does {brand} offer a fractional share plan?"""),
        heading=lines("""
            Markets: shares {move} after rate decision
            A beginner's portfolio
            What a fund really costs"""),
    ),
    "insurance": Topic(
        bad=lines("""
            {brand} rejected my insurance claim after {span}, {bad_adjective}
            The premium of our home insurance doubled and the cover got worse
            Sent the claim with photos {number} times, still no assessor
            Travel insurance that pays for nothing, {bad_adjective}"""),
        good=lines("""
            Claim paid within {span}, {good_adjective} insurance
            {brand} covered the whole water damage, {good_adjective}
            Switched our car insurance and save {sum} a year
            {staff} handled the claim with so much care"""),
        plain=lines("""
            Home insurance premiums {move} by {rate} percent
            The policy covers storm and water damage
            Insurers expect more claims after the floods in {place}
            I renew the car insurance {day}
            The excess on this policy is {sum}"""),
        question=lines("""
            Does the travel insurance of {brand} cover a cancelled flight?
            Do I need life insurance with two kids?
            What is a fair premium for a small flat?
            How long does a claim take?"""),
        heading=lines("""
            Premiums {move}: who pays more
            Insurance after the flood
            What your policy does not cover"""),
    ),
    "loan": Topic(
        bad=lines("""
            {brand} refused my loan although I never missed a payment
            The interest on this personal loan is {bad_adjective}
            Drowning in loan repayments and nobody at {brand} wants to talk
            Debt collectors called {person} about a loan I paid off {span} ago"""),
        good=lines("""
            Loan approved in {span}, the money was there {day}
            Put all my debts into one loan with {brand}, what a relief
            Paid off the last instalment {day}, debt free, {good_adjective}
            {staff} found a repayment plan that works for us"""),
        plain=lines("""
            The car loan runs for {number} years at {rate}%
            Consumer borrowing {move} by {rate} percent
            Student debt in {place} {move} again
            I repay {sum} a month on a personal loan"""),
        question=lines("""
            Can I repay a personal loan early?
            Is it wise to put credit card debt into one loan?
            What rate would {brand} give me on a car loan?"""),
        heading=lines("""
            Borrowing gets {bad_adjective} for students
            One loan instead of five
            Consumer debt {move}"""),
    ),
    "refund": Topic(
        bad=lines("""
            Still no refund of {sum} after {span}
            {brand} promised my money back {day} and nothing came
            They owe me {sum} and the refund is always pending
            Returned it {span} ago, they refuse to refund me
            How hard can it be to give me my money back"""),
        good=lines("""
            Refund of {sum} was back on my account {day}, {good_adjective}
            {staff} refunded me on the spot, {good_adjective}
            Got all my money back without a single question"""),
        plain=lines("""
            The refund takes five working days
            I sent it back and asked for a refund
            Airlines must repay cancelled tickets within seven days, {analyst} say
            The shop refunds to the same account"""),
        question=lines("""
            How long does a refund take at {brand}?
            Where can I see my refund?
            Do I get my money back when the flight is cancelled?"""),
        heading=lines("""
            Refunds: what buyers may ask for
            Waiting for money back"""),
    ),
    "fraud": Topic(
        bad=lines("""
            Somebody took {sum} from my account and {brand} says it was me
            Got a phishing text that looked like {brand} and lost {sum}
            My card was cloned and the fraud team hangs up on me
            Scammers got into my account, {number} payments I never made
            An identity thief opened an account in my name"""),
        good=lines("""
            {brand} stopped a fraud on my account before I noticed, {good_adjective}
            The fraud team called at once and saved me {sum}
            Scam warning popped up just in time, {good_adjective}"""),
        plain=lines("""
            Police in {place} warn of scam calls in the name of banks
            Phishing attempts {move} by {rate} percent, {analyst} say
            Two men were charged with fraud in {place}
            Never give the code from a text message to anybody"""),
        question=lines("""
            Is this text from {brand} a scam?
            What do I do about a payment that I did not make?
            How do I report a phishing mail?"""),
        heading=lines("""
            Scams: the new tricks
            Fraud cases {move} in {place}
            How I lost {sum} to a phone call"""),
    ),
    "fees": Topic(
        bad=lines("""
            Charged {sum} for an overdraft of two days, {bad_adjective}
            {brand} takes a fee for everything now
            A monthly fee of {sum} for an account that does nothing
            Hidden charges again on my statement, {bad_adjective}"""),
        good=lines("""
            No more account fees at {brand}, {good_adjective}
            They waived the overdraft charge, {good_adjective}
            Finally an account without hidden charges"""),
        plain=lines("""
            The account fee rises to {sum} from next month
            {brand} drops the charge for cash withdrawals
            Overdraft fees {move} across the country, {analyst} say
            There is a charge of {rate} percent on transfers abroad"""),
        question=lines("""
            What does a transfer abroad cost at {brand}?
            Why is there a charge of {sum} on my statement?
            Which account has no monthly fee?"""),
        heading=lines("""
            Bank charges {move}
            The true price of a free account"""),
    ),
    "app": Topic(
        bad=lines("""
            The app crashes every time I log in
            Locked out of online banking {day}, the code never arrives
            Since the update the {brand} app is {bad_adjective}
            Face login broken, transfers broken, app {bad_adjective}
            Error 502 on the website for {span}"""),
        good=lines("""
            The new app is {good_adjective}, fast and clear
            Login with the fingerprint just works, {good_adjective}
            The latest update of the {brand} app is {good_adjective}
            Paid a bill from my phone in ten seconds, {good_adjective}"""),
        plain=lines("""
            Version {rate} of the app came out {day}
            {brand} moves its website to new servers {day}
            The app shows the balance on the home screen
            I do my banking on the phone these days"""),
        question=lines("""
            How do I reset my password in the app?
            Does the {brand} app run on an old phone?
            Can I scan a bill with the app?"""),
        heading=lines("""
            {brand} rebuilds its app
            Banking on the phone: a test"""),
    ),
}

SERVICE: Final = {
    "bad_service": lines("""
        {span} on hold and then {staff} hung up on me
        {staff} was {adverb} {bad_adjective}
        I have written {number} times and nobody answers
        The service of {brand} is {adverb} {bad_adjective}
        Nobody at {brand} feels responsible
        I want to speak to a manager, this is {bad_adjective}
        I am filing a complaint about {brand}
        Closing my account, {brand} is {bad_adjective}
        Promised a call back {day}, nothing happened
        Why does it take {span} to answer a simple mail?"""),
    "good_service": lines("""
        {staff} was {adverb} {good_adjective}
        Big thanks to {staff} of {brand}
        The service of {brand} is {adverb} {good_adjective}
        {staff} solved it in minutes, {good_adjective}
        Credit where it is due, {brand} did well
        Best bank I ever had
        I can only recommend {brand}
        {brand} really listens to customers
        Kudos to {staff}, {adverb} {good_adjective}"""),
    "sarcasm": lines("""
        Great, another {span} on hold with {brand}
        Oh wonderful, {brand} lost my papers again
        Thanks for nothing, {brand}
        Love it when {staff} hangs up on me
        Brilliant service, only {span} until the first answer
        Nice one {brand}, charged twice
        Well done {brand}, the site is down again
        Just what I needed, one more form"""),
    "not_bad": lines("""
        Not bad at all, {brand}
        I cannot complain about {staff}
        No problem with {brand} so far
        Never had any trouble with {staff}
        {brand} was not as {bad_adjective} as people say
        Nothing to criticise here"""),
    "not_good": lines("""
        {staff} was not {good_adjective} at all
        I would not recommend {brand}
        Not happy with {brand}
        {brand} is no longer {good_adjective}
        I do not trust {brand} any more
        Nothing {good_adjective} about this service"""),
}
"""Praise and complaints about a firm, straight and crooked."""

LIFE: Final = {
    "good_life": lines("""
        {good_exclamation}
        The {thing} was {adverb} {good_adjective}
        I {good_verb} this {thing}
        I {good_verb} the {thing} and {person} did too
        What a {good_adjective} {thing}
        {person} made me smile {day}
        This {thing} is {good_noun}
        {person} won a prize {day}, so happy
        The {thing} is {good_adjective} and the {thing} is {good_adjective} too
        Had a {good_adjective} time with {person}
        Such a {good_adjective} {thing}, {good_exclamation}
        It works {adverb} well and looks {good_adjective}
        {person} is {adverb} {good_adjective} and supports me always
        A {good_adjective}, {good_adjective} {thing} with heart
        We laughed, we danced, it was {good_noun}
        The {thing} is better than I hoped
        The {thing} is not {bad_adjective} at all
        I could not be happier with this {thing}"""),
    "bad_life": lines("""
        {bad_exclamation}
        The {thing} was {adverb} {bad_adjective}
        I {bad_verb} this {thing}
        I {bad_verb} the {thing} and {person} does too
        What a {bad_adjective} {thing}
        {person} cried {day}, I feel so bad
        This {thing} is {bad_noun}
        I lost my keys {day} and missed the bus
        The {thing} is {bad_adjective} and the {thing} is {bad_adjective} too
        Had a {bad_adjective} time with {person}
        Such a {bad_adjective} {thing}, {bad_exclamation}
        It never works and looks {bad_adjective}
        {person} is ill and I am worried
        A {bad_adjective}, {bad_adjective} {thing} without any heart
        People died and many were hurt, it was {bad_noun}
        The {thing} is worse than I feared
        The {thing} is not {good_adjective} at all
        The {thing} has too many problems and fails
        The {thing} didn't work and I don't like it
        Critics attacked the {thing} and called it {bad_noun}"""),
    "plain_life": lines("""
        Watching the {thing} with {person} {day}
        On my way to {place}
        The {thing} starts at eight
        {person} talked about the {thing} {day}
        There were {number} people in {place} {day}
        I bought a {thing} for {sum}
        The {thing} has a black case and weighs little
        They moved the {thing} from {place} to {place}
        Does anybody know when the {thing} opens?
        The report about the {thing} has {number} pages
        {person} works in {place} and lives in {place}
        The council of {place} met {day}
        I use the {thing} to take notes
        According to {analyst}, the figures are out {day}
        The {thing} was built in {place} {number} years ago
        It is about a man who travels to {place}"""),
    "distractor": lines("""
        That film was a fraud, I want the evening refunded
        The light of the old beacon is seen from {place}
        I have a great interest in the history of {place}
        She is on the cards to win the match
        He saved a penalty, what a save
        We will share the house with {person}
        Take out insurance against bad jokes
        There is a huge app for everything these days
        Invest your time in people
        My mortgage on life is sleep
        The fee for the museum in {place} is {sum}
        On loan from {place}, the striker scored twice
        The oak rises behind the house
        They gave us credit for the idea
        A policy for schools was discussed {day}
        The goods are on sale, save {sum} {day}"""),
}
"""Everything else in the world."""

AGENT: Final = {
    "agent": lines("""
        Thanks for getting in touch, how can I help you today?
        I am sorry to hear that, let me have a look
        Could you confirm the last four digits please?
        I have passed this on to my colleagues
        Happy to help, is there anything else?
        One moment please
        You will hear from us within {span}
        I understand, thank you for your patience
        Have a good day!"""),
    "dear": lines("""
        Hi
        hello
        Good morning
        hi there, I have a question
        hey"""),
}

FOREIGN: Final = {
    "de": {
        "bad": lines("""
            Seit drei Wochen warte ich auf eine Antwort von {brand}, eine Frechheit
            Der Kundenservice ist furchtbar, nie wieder
            Ich bin sehr enttäuscht von {brand}"""),
        "good": lines("""
            Super Beratung bei {brand}, vielen Dank
            Ich bin sehr zufrieden, klare Empfehlung
            Alles hat wunderbar geklappt, danke"""),
        "plain": lines("""
            Die Zinsen für Immobilien liegen bei {rate} Prozent
            Heute fahre ich nach {place}
            Die Filiale von {brand} zieht um"""),
    },
    "es": {
        "bad": lines("""
            Llevo tres semanas esperando respuesta de {brand}, una vergüenza
            El servicio es pésimo, nunca más
            Estoy muy decepcionado con {brand}"""),
        "good": lines("""
            Excelente atención de {brand}, muchas gracias
            Estoy muy contento, lo recomiendo
            Todo perfecto, gracias"""),
        "plain": lines("""
            Los tipos de interés están en {rate} por ciento
            Hoy viajo a {place}
            La oficina de {brand} cambia de sitio"""),
    },
    "fr": {
        "bad": lines("""
            Trois semaines sans réponse de {brand}, c'est une honte
            Le service client est horrible, plus jamais
            Je suis très déçu de {brand}"""),
        "good": lines("""
            Excellent accueil chez {brand}, merci beaucoup
            Je suis très content, je recommande
            Tout était parfait, merci"""),
        "plain": lines("""
            Les taux sont à {rate} pour cent
            Aujourd'hui je vais à {place}
            L'agence de {brand} déménage"""),
    },
    "ja": {
        "bad": lines("""
            {brand}の対応は最悪です
            三週間待っても返事がありません"""),
        "good": lines("""
            {brand}のサービスは最高です、ありがとうございます
            とても満足しています"""),
        "plain": lines("""
            今日は{place}に行きます
            金利は{rate}パーセントです"""),
    },
}
"""Some of what people write in other languages: mood -> templates, by BCP 47 tag."""
